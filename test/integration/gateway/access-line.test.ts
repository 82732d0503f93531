/** Every request leaves one access line, also one that nobody could answer. */
import { afterAll, expect, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

const HELLO = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1c\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0ahi")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))`)

const site = new Site({ files: { 'hello.wasm': HELLO } })
afterAll(() => site.close())

const CASES = [
  {
    name: 'an answer',
    path: '/hello.wasm',
    params: {},
    line: { status: 200, tenant: 'acme', handler: 'hello.wasm', responseBytes: 2 },
  },
  {
    name: 'no handler',
    path: '/none.wasm',
    params: {},
    line: { status: 404, tenant: 'acme', code: 'GATEWAY_UNKNOWN_HANDLER' },
  },
  {
    name: 'no tenant',
    path: '/hello.wasm',
    params: { WASM_FPM_TENANT: 'nobody' },
    line: { status: 404, tenant: undefined, code: 'GATEWAY_UNKNOWN_TENANT' },
  },
  {
    name: 'no method',
    path: '/hello.wasm',
    params: { REQUEST_METHOD: 'GE T' },
    line: { status: 400, tenant: undefined, code: 'CGI_BAD_METHOD' },
  },
] as const

for (const { name, path, params, line } of CASES) {
  test(`${name}: one line`, async () => {
    site.access.length = 0
    const { status } = await site.request(path, params)
    expect(status).toBe(line.status)
    expect(site.access).toHaveLength(1)
    expect(site.access[0]).toMatchObject(line)
  })
}
