/** A tenant with `engine = "wasmer"`, from request to answer. */
import { afterEach, expect, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

/** Answers with its standard input. */
const ECHO = wat(`(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\\10\\00\\00\\00\\1a\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0a")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))
    (i32.store (i32.const 0) (i32.const 1024))
    (loop $next
      (i32.store (i32.const 4) (i32.const 65536))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))
      (br_if $next (i32.load (i32.const 4))))))`)

const ENGINE = 'engine = "wasmer"\ntrusted = true\n'

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

test('requests are answered, each by an instance of its own', async () => {
  site = new Site({ files: { 'echo.wasm': ECHO }, tenant: ENGINE })
  const bodies = ['one', 'x'.repeat(200_000), 'three']
  const answers = await Promise.all(
    bodies.map((body) =>
      site?.request('/echo.wasm', { CONTENT_LENGTH: String(body.length) }, body),
    ),
  )
  expect(answers).toMatchObject(bodies.map((body) => ({ status: 200, body, isComplete: true })))
  expect(site.gateway.scheduler.tenants.get('acme')?.counters.instancesMade).toBe(3)
})

test.each([
  { handler: 'endless-loop', limits: 'cpu = "30ms"', status: 503 },
  { handler: 'endless-loop', limits: 'wall = "50ms"', status: 504 },
  { handler: 'recursion', limits: '', status: 500 },
  { handler: 'sleep', limits: '', status: 500 },
  { handler: 'fail-in-header', limits: '', status: 500 },
  // Long enough for a header that is too long, also where the processor is somewhere else for a while.
  { handler: 'flood-without-header', limits: 'cpu = "500ms"', status: 502 },
])('$handler is answered $status', async ({ handler, limits, status }) => {
  const files = { 'guest.wasm': compileHostile(handler) }
  site = new Site({ files, tenant: `${ENGINE}[tenant.limits]\n${limits}\n` })
  expect(await site.request('/guest.wasm')).toMatchObject({ status, isComplete: true })
})

test('a body over the limit is answered 413', async () => {
  const tenant = `${ENGINE}[tenant.limits]\nrequest_body = "1KiB"\n`
  site = new Site({ files: { 'echo.wasm': ECHO }, tenant })
  expect((await site.request('/echo.wasm', {}, 'x'.repeat(2000))).status).toBe(413)
})
