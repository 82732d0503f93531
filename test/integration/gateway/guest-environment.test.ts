/** What a guest finds in its environment: the request, the tenant's `env`, its working directory, and nothing of this process. */
import { afterEach, expect, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

/** Prints its variables, each with a zero byte behind it. */
const PRINT_ENVIRONMENT = wat(`(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\1a\\00\\00\\00\\00\\40\\00\\00")
  (data (i32.const 16) "Content-Type: text/plain\\0a\\0a")
  (func (export "_start")
    (drop (call $sizes (i32.const 200) (i32.const 12)))
    (drop (call $get (i32.const 1024) (i32.const 16384)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 204)))))`)

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

async function environment(tenant: string): Promise<ReadonlyMap<string, string>> {
  site = new Site({ files: { 'env.wasm': PRINT_ENVIRONMENT }, tenant })
  const { status, body } = await site.request('/env.wasm')
  expect(status).toBe(200)
  const entries = body.split('\0').slice(0, -1)
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, at), entry.slice(at + 1)]
    }),
  )
}

test('nothing of this process is inherited', async () => {
  const found = await environment('env = { GREETING = "hi" }')
  expect(found.get('GREETING')).toBe('hi')
  expect(found.get('SCRIPT_NAME')).toBe('/env.wasm')
  for (const name of Object.keys(process.env)) expect(found.has(name), name).toBe(false)
})

test('chdir is where it works', async () => {
  expect((await environment('chdir = "/data"')).get('PWD')).toBe('/data')
})

test("the tenant's own PWD wins, and by default there is none", async () => {
  expect((await environment('chdir = "/data"\nenv = { PWD = "/own" }')).get('PWD')).toBe('/own')
  site?.close()
  expect((await environment('')).has('PWD')).toBe(false)
})
