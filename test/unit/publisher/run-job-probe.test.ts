/** What a handler sees of the probe. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { wat } from '../../support/wat.ts'
import { complaining, LIMITS, printing, run } from './job-run.ts'

/** Prints its environment as the body. */
const ENVIRONMENT = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 4094) "\\0a\\0a")
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (drop (call $environ_get (i32.const 100) (i32.const 4096)))
    (i32.store (i32.const 8) (i32.const 4093))
    (i32.store8 (i32.const 4093) (i32.const 88))
    (i32.store (i32.const 12) (i32.const 40000))
    (i32.store (i32.const 16) (i32.const 1000))
    (drop (call $fd_read (i32.const 0) (i32.const 12) (i32.const 1) (i32.const 20)))
    (i32.store (i32.const 24) (i32.const 60000))
    (i32.store (i32.const 28) (i32.const 5))
    (i32.store (i32.const 32) (i32.const 4096))
    (i32.store (i32.const 36) (i32.load (i32.const 4)))
    (i32.store (i32.const 40) (i32.const 40000))
    (i32.store (i32.const 44) (i32.load (i32.const 20)))
    (drop (call $fd_write (i32.const 1) (i32.const 24) (i32.const 3) (i32.const 48))))
  (data (i32.const 60000) "A: b\\0a\\0a"))`

test('the probe looks like any request: names, path, query, headers, body, the tenant’s environment', async () => {
  const header = ENVIRONMENT.replace('(i32.const 28) (i32.const 5)', '(i32.const 28) (i32.const 6)')
  for (const contains of [
    'REQUEST_METHOD=POST\0',
    'SCRIPT_NAME=/api\0',
    'PATH_INFO=/a b\0',
    'QUERY_STRING=c=d?e\0',
    'REQUEST_URI=/api/a%20b?c=d?e\0',
    'CONTENT_TYPE=text/plain\0',
    'HTTP_X_ONE=1\0',
    'CONTENT_LENGTH=5\0',
    'MODE=live\0pïng',
  ]) {
    const { event } = await run(wat(header), {
      scriptName: '/api',
      env: { MODE: 'live' },
      limits: { ...LIMITS, responseBodyBytes: 100_000 },
      probe: {
        method: 'POST',
        path: '/api/a%20b?c=d?e',
        headers: { 'Content-Type': 'text/plain', 'X-One': '1' },
        body: 'pïng',
        contains,
      },
    })
    expect(event).toMatchObject({ event: 'done' })
  }
})

test('the probe sees the files of the release, and cannot change them', async () => {
  const image = mkdtempSync(join(tmpdir(), 'wasm-fpm-image-'))
  onTestFinished(() => rmSync(image, { recursive: true }))
  writeFileSync(join(image, 'page'), 'from a file')
  // path_open(3, "page") -> fd; read it behind a header; opening it for writing must fail.
  const reader = wat(`(module
    (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "page")
    (data (i32.const 200) "A: b\\0a\\0a")
    (func (export "_start")
      (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4)
        (i32.const 0) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 0))) (then unreachable))
      (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0)) (then unreachable))
      (i32.store (i32.const 8) (i32.const 206))
      (i32.store (i32.const 12) (i32.const 100))
      (drop (call $read (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 16)))
      (i32.store (i32.const 8) (i32.const 200))
      (i32.store (i32.const 12) (i32.add (i32.const 6) (i32.load (i32.const 16))))
      (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16)))))`)
  const { event } = await run(reader, {
    imagePath: image,
    probe: { method: 'GET', path: '/', headers: {}, body: '', contains: 'from a file' },
  })
  expect(event).toMatchObject({ event: 'done' })
})

test('why it failed is said, however much it has written before, and not how to learn more', async () => {
  const flood = 'a line of nothing much\n'.repeat(400)
  const panic =
    "thread 'main' panicked at src/main.rs:3:5:\nno caf\xc3\xa9\nnote: run with `RUST_BACKTRACE=1`\n"
  const { event } = await run(complaining(flood + panic, '(call $proc_exit (i32.const 101))'))
  expect(event).toMatchObject({
    error: {
      code: 'PUBLISHER_PROBE_FAILED',
      message: expect.stringContaining(
        `(it said: "thread 'main' panicked at src/main.rs:3:5: no café")`,
      ),
    },
  })
})

test('a process of another version takes no job', async () => {
  const { event } = await run(printing('A: b\n\n'), {}, undefined, {
    argv: ['--for-version=0.0.1'],
  })
  expect(event).toMatchObject({
    error: { code: 'VERSION_MIXED', message: expect.stringContaining('wasm-fpm 0.0.1') },
  })
})
