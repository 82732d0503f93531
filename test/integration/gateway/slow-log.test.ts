/** `request_slowlog_timeout`: slow requests leave one entry, with what the guest was doing. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

const PRINT = `(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))`
const IMPORTS = `
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1e\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0adone")`

/** Computes for ever. */
const SPINNER = wat(`(module ${IMPORTS}
  (func $inner (loop (br 0)))
  (func $outer (call $inner) ${PRINT})
  (func (export "_start") (call $outer)))`)

/** Sleeps, then prints. */
const sleeper = (ms: number) =>
  wat(`(module ${IMPORTS}
  (func (export "_start")
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const ${ms * 1_000_000}))
    (drop (call $poll (i32.const 256) (i32.const 400) (i32.const 1) (i32.const 200)))
    ${PRINT}))`)

/** What it says of itself, at 512: `text`, then what `trace` does. */
const tracing = (run: string, text: string, trace = '') =>
  wat(`(module ${IMPORTS}
  (data (i32.const 512) "${text}")
  (func (export "wasm_fpm_trace") (param i32) (result i32) ${trace} (i32.const 512))
  (func (export "_start") ${run}))`)

const SPIN = '(loop (br 0))'
const SLEEP = `(i32.store (i32.const 272) (i32.const 1))
  (i64.store (i32.const 280) (i64.const 60000000))
  (drop (call $poll (i32.const 256) (i32.const 400) (i32.const 1) (i32.const 200)))
  ${PRINT}`

const QUICK = wat(`(module ${IMPORTS} (func (export "_start") ${PRINT}))`)

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

interface Entry {
  readonly time: string
  readonly requestId: string
  readonly tenant: string
  readonly handler: string
  readonly uri: string
  readonly script: string
  readonly wallMs: number
  readonly cpuMs: number
  readonly backtrace: readonly string[]
}

function open(
  tenant = '',
  files: Record<string, Uint8Array<ArrayBuffer>> = {},
): { readonly site: Site; entries(count: number): Promise<Entry[]> } {
  const folder = mkdtempSync(join(tmpdir(), 'slow-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'slow.log')
  const opened = new Site({
    files: {
      ...files,
      'spin.wasm': SPINNER,
      'sleep.wasm': sleeper(60),
      'wait.wasm': sleeper(20_000),
      'quick.wasm': QUICK,
    },
    tenant: `slowlog = "${file}"\nrequest_slowlog_timeout = "20ms"\n${tenant}\n[tenant.limits]\ncpu = "60ms"\n`,
  })
  site = opened
  const read = (): Entry[] => {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line): Entry => JSON.parse(line))
  }
  const entries = async (count: number): Promise<Entry[]> => {
    await expect.poll(() => read().length).toBe(count)
    return read()
  }
  return { site: opened, entries }
}

test('a guest that computes is seen at it', async () => {
  const { site, entries } = open()
  await site.request('/quick.wasm')
  await site.request('/spin.wasm', { REQUEST_URI: '/spin.wasm?a=1' })
  const [entry] = await entries(1)
  expect(entry).toMatchObject({
    requestId: site.access[1]?.requestId,
    tenant: 'acme',
    handler: 'spin.wasm',
    uri: '/spin.wasm?a=1',
  })
  // Written when its time was up, long before its end.
  expect(entry?.wallMs).toBeGreaterThanOrEqual(20)
  expect(entry?.wallMs).toBeLessThan(site.access[1]?.wallMs ?? 0)
  expect(entry?.cpuMs).toBeLessThanOrEqual(entry?.wallMs ?? 0)
  expect(entry?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  // Of `$inner`, `$outer` and `_start`, which have no names in the module: two imports come before them.
  const functions = entry?.backtrace.map((frame) => frame.replace(/, offset 0x[0-9a-f]+\)$/, ')'))
  expect(functions).toEqual(['? (function 2)', '? (function 3)', '? (function 4)'])
  expect(site.gateway.scheduler.tenants.get('acme')?.counters.slow).toBe(1)
})

test('one that only waits has an entry without a back trace', async () => {
  const { site, entries } = open()
  expect((await site.request('/sleep.wasm')).status).toBe(200)
  const [entry] = await entries(1)
  expect(entry).toMatchObject({ handler: 'sleep.wasm', backtrace: [] })
  expect(entry?.wallMs).toBeGreaterThanOrEqual(19)
  expect(entry?.cpuMs).toBeLessThan(20)
})

test('an entry is there while its guest hangs', async () => {
  const { site, entries } = open()
  const endless = site.request('/wait.wasm')
  let hasEnded = false
  void endless.then(() => {
    hasEnded = true
  })
  const [entry] = await entries(1)
  expect(hasEnded).toBe(false)
  expect(entry).toMatchObject({ handler: 'wait.wasm', backtrace: [] })
  expect(site.gateway.scheduler.tenants.get('acme')?.counters.slow).toBe(1)
  site.gateway.scheduler.stop()
  await endless
})

test('the back trace is no deeper than it may be', async () => {
  const { site, entries } = open('request_slowlog_trace_depth = 1')
  await site.request('/spin.wasm')
  const [entry] = await entries(1)
  expect(entry?.backtrace).toHaveLength(1)
})

const OWN_WORDS = ['inner() /app/a.php:3', '/app/a.php:9']
const TEXT = `${OWN_WORDS.join('\\n')}\\n`

test.for([
  { name: 'computes', run: SPIN, wanted: OWN_WORDS },
  { name: 'waits', run: SLEEP, wanted: OWN_WORDS },
  { name: 'has more to say than is wanted', run: SLEEP, text: TEXT.repeat(20), frames: 20 },
  { name: 'has nothing to say', run: SLEEP, text: '', wanted: [] },
  { name: 'thinks for ever', run: SLEEP, trace: SPIN, wanted: [] },
  { name: 'thinks for ever, and computes', run: SPIN, trace: SPIN, frames: 1 },
  { name: 'traps at that', run: SLEEP, trace: 'unreachable', wanted: [] },
  { name: 'makes a call', run: SLEEP, trace: PRINT, wanted: [] },
  { name: 'waits at that', run: SLEEP, trace: SLEEP, wanted: [] },
  {
    name: 'points outside of its memory',
    run: SLEEP,
    trace: '(return (i32.const -1))',
    wanted: [],
  },
])('one that says where it is: $name', async ({ run, text = TEXT, trace, wanted, frames }) => {
  const { site, entries } = open('', { 'traced.wasm': tracing(run, text, trace) })
  const answer = await site.request('/traced.wasm')
  const [entry] = await entries(1)
  if (wanted !== undefined) expect(entry?.backtrace).toEqual(wanted)
  expect(entry?.backtrace).toHaveLength(frames ?? wanted?.length ?? 0)
  expect(entry?.script).toMatch(/traced[.]wasm$/)
  // Whatever came of that, the request goes on as it would have.
  expect(answer.status).toBe(run === SLEEP ? 200 : 503)
  if (run === SLEEP) expect(answer.body).toBe('done')
  // And the next one.
  expect((await site.request('/traced.wasm')).status).toBe(answer.status)
})
