/** A guest may finish its response and go on working: fastcgi_finish_request, by closing standard output. */
import { afterEach, expect, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

/** Prints a response, closes standard output, sleeps for 150 ms, and ends as `ending` says. */
const guest = (ending: string) =>
  wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1e\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0adone")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))
    (drop (call $close (i32.const 1)))
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const 150000000))
    (drop (call $poll (i32.const 256) (i32.const 400) (i32.const 1) (i32.const 200)))
    ${ending}))`)

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

async function ended(of: Site): Promise<void> {
  while (of.access.length === 0) await new Promise((next) => setImmediate(next))
}

test('the answer is complete while the guest still works', async () => {
  site = new Site({ files: { 'late.wasm': guest('(call $exit (i32.const 0))') } })
  const answer = await site.request('/late.wasm')
  expect(answer).toMatchObject({ status: 200, body: 'done', isComplete: true })
  expect(answer.head).toContain('Content-Length: 4')
  expect(site.access).toEqual([])
  expect(site.gateway.scheduler.tenants.get('acme')?.slots.active).toBe(1)
  await ended(site)
  expect(site.access[0]).toMatchObject({ status: 200, code: undefined })
  expect(site.access[0]?.wallMs).toBeGreaterThanOrEqual(150)
})

test('a crash after that is logged and changes nothing for the client', async () => {
  site = new Site({ files: { 'late.wasm': guest('unreachable') } })
  expect(await site.request('/late.wasm')).toMatchObject({
    status: 200,
    body: 'done',
    isComplete: true,
  })
  await ended(site)
  expect(site.access[0]).toMatchObject({ status: 200, code: 'OUTCOME_TRAPPED' })
})

test('its limits still hold', async () => {
  site = new Site({
    files: { 'late.wasm': guest('(loop (br 0))') },
    tenant: '[tenant.limits]\ncpu = "20ms"\n',
  })
  expect(await site.request('/late.wasm')).toMatchObject({
    status: 200,
    body: 'done',
    isComplete: true,
  })
  await ended(site)
  expect(site.access[0]).toMatchObject({ status: 200, code: 'OUTCOME_CPU_EXCEEDED' })
})
