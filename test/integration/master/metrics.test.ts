/** The figures of the whole machine, as a collector gets them from a server that runs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../support/peers/child.ts'
import { wat } from '../../support/wat.ts'
import { Client, configText, makeFolder, serve, startLoad } from './serve.ts'

const MANY = 10_000
const MAX_MS = 1000
const MAX_BYTES = 5_000_000

/** Of the clock that /proc counts processor time by. */
const TICK_MS = 10
/** Share by which the accounts may differ from the system's. */
const TOLERANCE = 0.01

const BUSY = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\1b\\00\\00\\00Content-Type: text/plain\\0a\\0ax")
  (func (export "_start") (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 100000000))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))`

const ENDLESS =
  '(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))'

async function setUp({ tenant = '', more = '' } = {}) {
  const folder = makeFolder()
  const port = await freePort()
  const top = `[metrics]\nlisten = "127.0.0.1:${port}"`
  const serving = await serve({ folder, config: `${configText(folder, { top, tenant })}${more}` })
  const scrape = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    return answer.text()
  }
  return { folder, port, serving, scrape }
}

/** The sum of the samples whose series matches. */
function sumOf(text: string, series: RegExp): number {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#') && series.test(line))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** Processor time of a process so far, as the system counts it. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

test('requests, kills and processor time are counted, over restarts as well', async () => {
  const limits = '[tenant.limits]\ncpu = "100ms"'
  const { folder, serving, scrape } = await setUp({ tenant: limits })
  writeFileSync(join(folder, 'endless.wasm'), wat(ENDLESS))
  const client = new Client(serving.socket)
  for (let count = 0; count < 5; count += 1) await client.get('hello.wasm')
  expect((await client.get('endless.wasm')).status).toBe(503)
  const check = async (): Promise<void> => {
    const text = await scrape()
    expect(sumOf(text, /^wasm_fpm_requests_total\{tenant="site"\}/)).toBe(6)
    expect(sumOf(text, /^wasm_fpm_kills_total\{tenant="site",kind="cpu"\}/)).toBe(1)
    expect(sumOf(text, /^wasm_fpm_queue_wait_seconds_count\{/)).toBe(6)
    expect(sumOf(text, /^wasm_fpm_pool_workers\{pool="www"\}/)).toBe(2)
    // Two places, whoever has them.
    const places = new Set(text.match(/worker="\d+"/g))
    expect(places.size).toBeLessThanOrEqual(4)
  }
  await check()
  const before = await scrape()
  expect(sumOf(before, /^wasm_fpm_worker_received_bytes_total/)).toBeGreaterThan(1000)
  expect(sumOf(before, /^wasm_fpm_worker_sent_bytes_total/)).toBeGreaterThan(500)
  for (let round = 0; round < 2; round += 1) {
    expect((await serving.command('restart')).code).toBe(0)
    await expect.poll(() => serving.workers().length).toBe(2)
    await check()
  }
  expect(sumOf(await scrape(), /^wasm_fpm_pool_worker_ends_total.*"end"/)).toBe(4)
})

test("accounts are within a hundredth of the system's", async () => {
  const { folder, serving, scrape } = await setUp()
  writeFileSync(join(folder, 'hello.wasm'), wat(BUSY))
  const usedMs = (): number => serving.workers().reduce((sum, pid) => sum + processorMs(pid), 0)
  const atFirstMs = usedMs()
  const load = startLoad(serving.socket, 4)
  await expect.poll(() => usedMs() - atFirstMs).toBeGreaterThan(6000)
  await load.stop()
  expect(load.failures).toEqual([])
  const text = await scrape()
  const systemMs = usedMs()
  const ofWorkers = 1000 * sumOf(text, /^wasm_fpm_worker_cpu_seconds_total/)
  expect(Math.abs(ofWorkers - systemMs)).toBeLessThan(TOLERANCE * systemMs + 4 * TICK_MS)
  const guests = sumOf(text, /^wasm_fpm_worker_cpu_seconds_total.*kind="guests"/)
  expect(sumOf(text, /^wasm_fpm_cpu_seconds_total\{/)).toBeCloseTo(guests, 3)
  // Much of the rest is what it takes to start, and V8's for code that is new.
  expect(1000 * guests).toBeGreaterThan((systemMs - atFirstMs) / 4)
})

test('ten thousand tenants', async () => {
  const more = Array.from(
    { length: MANY },
    (_, index) => `[[tenant]]\nname = "t${index}"\npool = "www"\n`,
  )
  const { serving, scrape } = await setUp({ more: more.join('') })
  await new Client(serving.socket).get('hello.wasm')
  const startMs = performance.now()
  const text = await scrape()
  expect(performance.now() - startMs).toBeLessThan(MAX_MS)
  expect(Buffer.byteLength(text)).toBeLessThan(MAX_BYTES)
  expect(text.match(/^wasm_fpm_requests_total\{/gm)).toHaveLength(MANY + 1)
})

test('nothing is told elsewhere, or to who does not ask', async () => {
  const { port } = await setUp()
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404)
  expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(404)
  expect(await (await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'HEAD' })).text()).toBe(
    '',
  )
})
