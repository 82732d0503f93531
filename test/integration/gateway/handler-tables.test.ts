/** `[[tenant.handlers]]`: what one handler has instead of what its tenant has. */
import { afterEach, expect, test } from 'vitest'
import { compileHostile } from '../../../guests/hostile/compile.ts'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

function open(files: Readonly<Record<string, Uint8Array>>, tenant: string): Site {
  site = new Site({ files, tenant })
  return site
}

const SPINNER = compileHostile('endless-loop')

test('the limits of one handler are its own, larger or smaller than those of its tenant', async () => {
  const { request, access } = bound(
    open(
      { 'slow.wasm': SPINNER, 'quick.wasm': SPINNER, 'other.wasm': SPINNER },
      `[tenant.limits]
cpu = "60ms"
[[tenant.handlers]]
name = "slow.wasm"
limits = { cpu = "200ms" }
[[tenant.handlers]]
name = "quick.wasm"
limits = { wall = "10ms" }
`,
    ),
  )
  for (const name of ['slow', 'quick', 'other'])
    expect((await request(`/${name}.wasm`)).status, name).toBe(name === 'quick' ? 504 : 503)
  const [slow, quick, other] = access
  expect(slow?.cpuMs).toBeGreaterThanOrEqual(200)
  expect(quick?.code).toBe('OUTCOME_WALL_EXCEEDED')
  expect(other?.cpuMs).toBeLessThan(200)
})

test('a body that one handler may have is too large for the others', async () => {
  const reader = compileHostile('read-body')
  const { request } = bound(
    open(
      { 'upload.wasm': reader, 'other.wasm': reader },
      `[tenant.limits]
request_body = "1KiB"
[[tenant.handlers]]
name = "upload.wasm"
limits = { request_body = "64KiB" }
`,
    ),
  )
  const body = 'x'.repeat(5000)
  expect((await request('/upload.wasm', { CONTENT_LENGTH: '5000' }, body)).status).toBe(200)
  expect((await request('/other.wasm', { CONTENT_LENGTH: '5000' }, body)).status).toBe(413)
})

/** Grows its memory by 32 pages, and says 507 when it may not. */
const GROWER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1a\\00\\00\\00")
  (data (i32.const 16) "Status: 507 No\\0aX-A: b\\0a\\0amore")
  (func (export "_start")
    (if (i32.ge_s (memory.grow (i32.const 32)) (i32.const 0))
      (then (i32.store16 (i32.const 24) (i32.const 0x3032))))
    (if (i32.eq (i32.load8_u (i32.const 24)) (i32.const 0x32))
      (then (i32.store8 (i32.const 26) (i32.const 0x30))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))))`)

test('the memory of one handler is its own', async () => {
  const { request } = bound(
    open(
      { 'large.wasm': GROWER, 'other.wasm': GROWER },
      `[tenant.limits]
memory = "1MiB"
[[tenant.handlers]]
name = "large.wasm"
limits = { memory = "4MiB" }
`,
    ),
  )
  expect((await request('/large.wasm')).status).toBe(200)
  expect((await request('/other.wasm')).status).toBe(507)
})

/** Counts its runs in memory and answers with their number as a status: 201, 202, ... */
const COUNTER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\12\\00\\00\\00")
  (data (i32.const 16) "Status: 200 Yes\\0a\\0a\\0a")
  (func (export "_start")
    (i32.store8 (i32.const 26) (i32.add (i32.load8_u (i32.const 26)) (i32.const 1)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 200)))))`)

test('the lifetime of one handler is its own', async () => {
  const { request } = bound(
    open(
      { 'kept.wasm': COUNTER, 'other.wasm': COUNTER },
      `[[tenant.handlers]]
name = "kept.wasm"
lifetime = "persistent"
`,
    ),
  )
  const seen = []
  for (const name of ['kept', 'other', 'kept', 'other'])
    seen.push((await request(`/${name}.wasm`)).status)
  expect(seen).toEqual([201, 201, 202, 201])
})

function bound(opened: Site): { request: Site['request']; access: Site['access'] } {
  return { request: (...args) => opened.request(...args), access: opened.access }
}
