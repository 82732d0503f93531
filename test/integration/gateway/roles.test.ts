/** The three roles of FastCGI 1.0, section 6, each answered by a guest. */
import { afterAll, expect, test } from 'vitest'
import { Role } from '../../../src/fastcgi/constants.ts'
import { exchange } from '../../../src/worker/memory-exchange.ts'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

/** Prints a header, then everything it reads. */
const COPY = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1a\\00\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0a")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
    (loop $next
      (i32.store (i32.const 80) (i32.const 1024))
      (i32.store (i32.const 84) (i32.const 4096))
      (drop (call $read (i32.const 0) (i32.const 80) (i32.const 1) (i32.const 64)))
      (i32.store (i32.const 84) (i32.load (i32.const 64)))
      (if (i32.load (i32.const 64)) (then
        (drop (call $write (i32.const 1) (i32.const 80) (i32.const 1) (i32.const 68)))
        (br $next))))))`)

/** Grants access and passes a variable on. */
const GRANT = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\24\\00\\00\\00")
  (data (i32.const 16) "Status: 200 OK\\0aVariable-USER: ann\\0a\\0a.")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))`)

const site = new Site({ files: { 'copy.wasm': COPY, 'grant.wasm': GRANT } })
afterAll(() => site.close())

const params = (path: string): ReadonlyArray<readonly [string, string]> => [
  ['REQUEST_METHOD', 'GET'],
  ['SCRIPT_NAME', path],
  ['HTTP_HOST', 'acme.example'],
]

test('a Responder reads the body of its request', async () => {
  expect(await site.request('/copy.wasm', {}, 'the body')).toMatchObject({
    status: 200,
    body: 'the body',
  })
})

test('a Filter reads the body of its request and then the file', async () => {
  const { stdout, appStatus } = await exchange(site.gateway, {
    pool: 'www',
    role: Role.Filter,
    params: [...params('/copy.wasm'), ['CONTENT_LENGTH', '4'], ['FCGI_DATA_LENGTH', '9']],
    body: Buffer.from('body'),
    data: Buffer.from(' and file'),
  })
  expect(stdout.toString()).toMatch(/\r\n\r\nbody and file$/)
  expect(appStatus).toBe(0)
})

test('an Authorizer may set variables for the request it grants', async () => {
  const { stdout } = await exchange(site.gateway, {
    pool: 'www',
    role: Role.Authorizer,
    params: params('/grant.wasm'),
    body: new Uint8Array(0),
  })
  expect(stdout.toString()).toContain('Status: 200 OK\r\nVariable-USER: ann\r\n')
})

test('a Responder may not', async () => {
  expect((await site.request('/grant.wasm')).head).not.toContain('Variable-')
})
