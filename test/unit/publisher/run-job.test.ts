import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { runJob } from '../../../src/publisher/run-job.ts'
import { digestOf } from '../../../src/store/digest.ts'
import type { PublisherJob, StepReport } from '../../../src/store/publisher-protocol.ts'
import { wat } from '../../support/wat.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-job-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A command that prints `output`, then runs `after`. */
function printing(output: string, after = '', more = ''): Uint8Array {
  const data = [...Buffer.from(output, 'latin1')]
    .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
    .join('')
  return wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "${data}")
    ${more}
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const ${output.length}))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      ${after}))`)
}

const HELLO = 'Content-Type: text/plain\n\nhello caf\xc3\xa9'

async function run(module: Uint8Array, changes: Partial<PublisherJob> = {}) {
  const modulePath = join(folder, 'module')
  writeFileSync(modulePath, module)
  const steps: StepReport[] = []
  const job: PublisherJob = {
    name: 'acme/main',
    modulePath,
    imagePath: null,
    abi: 'cgi',
    lifetime: null,
    env: {},
    scriptName: '',
    probe: { method: 'GET', path: '/', headers: {}, body: '' },
    limits: {
      moduleBytes: 1_000_000,
      hardenedBytes: 1_000_000,
      memoryBytes: 1_048_576,
      cpuMs: 200,
      wallMs: 400,
      responseBodyBytes: 1000,
    },
    ...changes,
  }
  const result = await runJob(job, { clock: systemClock, onStep: (step) => steps.push(step) })
  return { ...result, steps }
}

test('a good module: every step says what it found, and the hardened bytes are what is said', async () => {
  const { event, bytes, steps } = await run(printing(HELLO), {
    probe: { method: 'GET', path: '/', headers: {}, body: '', status: 200, contains: 'café' },
  })
  expect(steps.map(({ step }) => step)).toEqual(['verify', 'harden', 'compile', 'probe'])
  expect(steps[3]?.found).toMatchObject({
    status: 200,
    contentType: 'text/plain',
    bodyBytes: 11,
    memoryBytes: 65_536,
  })
  if (event.event !== 'done' || bytes === undefined) throw new Error(JSON.stringify(event))
  expect(event.lifetime).toBe('reset')
  expect(event.hardened).toEqual({
    digest: digestOf(bytes),
    bytes: bytes.length,
    contract: 1,
    memoryMaxBytes: 1_048_576,
    memories: 1,
    isResettable: true,
  })
  expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true)
})

const KEEPS_STATE = `
  (table 1 funcref)
  (func $change (table.set (i32.const 0) (ref.null func)))`

test('a module that cannot be reset gets fresh instances, unless reset was asked for', async () => {
  const module = printing(HELLO, '(call $change)', KEEPS_STATE)
  const { event, steps } = await run(module)
  expect(event).toMatchObject({
    event: 'done',
    lifetime: 'fresh',
    hardened: { isResettable: false },
  })
  expect(steps[0]?.note).toContain('cannot be reset: table.set')
  expect((await run(module, { lifetime: 'persistent' })).event).toMatchObject({
    lifetime: 'persistent',
  })
  expect((await run(module, { lifetime: 'reset' })).event).toMatchObject({
    event: 'failed',
    step: 'verify',
    error: { code: 'PUBLISHER_NOT_RESETTABLE', message: expect.stringContaining('"fresh"') },
  })
})

function module(text: string): Uint8Array {
  return wat(`(module ${text})`)
}

const MEMORY = '(memory (export "memory") 1)'
const START = '(func (export "_start"))'

const REFUSED: ReadonlyArray<{
  readonly name: string
  readonly module: Uint8Array
  readonly changes?: Partial<PublisherJob>
  readonly step: string
  readonly code: string
  readonly says: string
}> = [
  {
    name: 'rubbish',
    module: Buffer.from('#!/bin/sh\n'),
    step: 'verify',
    code: 'WASM_NOT_A_MODULE',
    says: 'core module',
  },
  {
    name: 'nothing',
    module: new Uint8Array(0),
    step: 'verify',
    code: 'WASM_NOT_A_MODULE',
    says: '',
  },
  {
    name: 'an import nobody has',
    module: module(`(import "env" "system" (func)) ${MEMORY} ${START}`),
    step: 'verify',
    code: 'PUBLISHER_WRONG_CONTRACT',
    says: 'the function "env" "system"',
  },
  {
    name: 'an imported memory',
    module: module(`(import "wasi_snapshot_preview1" "fd_write" (memory 1)) ${START}`),
    step: 'verify',
    code: 'PUBLISHER_WRONG_CONTRACT',
    says: 'the memory',
  },
  {
    name: 'an import with an endless name',
    module: module(`(import "${'x'.repeat(5000)}" "y" (func)) ${MEMORY} ${START}`),
    step: 'verify',
    code: 'PUBLISHER_WRONG_CONTRACT',
    says: 'xxx..."',
  },
  {
    name: 'a library',
    module: module(`${MEMORY} (func (export "add"))`),
    step: 'verify',
    code: 'PUBLISHER_WRONG_CONTRACT',
    says: 'it exports "memory", "add", wanted a WASI command',
  },
  {
    name: 'too large a module',
    module: printing(HELLO),
    changes: { limits: { ...someLimits(), moduleBytes: 100 } },
    step: 'verify',
    code: 'WASM_LIMIT_EXCEEDED',
    says: 'moduleBytes',
  },
  {
    name: 'too large a hardened module',
    module: printing(HELLO),
    changes: { limits: { ...someLimits(), hardenedBytes: 400 } },
    step: 'harden',
    code: 'WASM_LIMIT_EXCEEDED',
    says: 'outputBytes',
  },
  {
    name: 'more memory than the tenant has',
    module: module(`(memory (export "memory") 17) ${START}`),
    step: 'harden',
    code: 'WASM_MEMORY_MINIMUM',
    says: 'pages',
  },
  {
    name: 'a module marked as hardened',
    module: module(`${MEMORY} ${START} (func (export "wasm_fpm:check"))`),
    step: 'harden',
    code: 'WASM_RESERVED_NAME',
    says: 'wasm_fpm:',
  },
  {
    name: 'code that is not valid',
    // `_start` leaves an i32 behind: well-formed, wrong types.
    module: Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...[1, 4, 1, 0x60, 0, 0],
      ...[3, 2, 1, 0],
      ...[5, 3, 1, 0, 1],
      ...[7, 19, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0],
      ...[6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 0],
      ...[10, 6, 1, 4, 0, 0x41, 0, 0x0b],
    ]),
    step: 'compile',
    code: 'PUBLISHER_INVALID_MODULE',
    says: 'V8 says',
  },
  {
    name: 'a trap',
    module: printing(HELLO, 'unreachable'),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'GET / failed: it trapped: unreachable',
  },
  {
    name: 'an endless loop',
    module: printing(HELLO, '(loop (br 0))'),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'it was stopped: cpu',
  },
  {
    name: 'a start function that never ends',
    module: module(`${MEMORY} ${START} (func $s (loop (br 0))) (start $s)`),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'it was stopped: cpu',
  },
  {
    name: 'an exit code',
    module: printing(HELLO, '(call $proc_exit (i32.const 3))'),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'it ended with code 3',
  },
  {
    name: 'no answer',
    module: module(`${MEMORY} ${START}`),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'ended after 0 bytes of header',
  },
  {
    name: 'no header',
    module: printing('hello'),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'Cannot send a response',
  },
  {
    name: 'a flood',
    module: printing(
      HELLO,
      '(loop (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0))',
    ),
    step: 'probe',
    code: 'PUBLISHER_PROBE_FAILED',
    says: 'a body of more than 1000 bytes',
  },
  {
    name: 'a status of 500',
    module: printing('Status: 503 Busy\n\n'),
    step: 'probe',
    code: 'PUBLISHER_PROBE_ANSWER',
    says: 'answered status 503, wanted one below 500',
  },
  {
    name: 'another status than wanted',
    module: printing(HELLO),
    changes: { probe: { method: 'PUT', path: '/x', headers: {}, body: '', status: 204 } },
    step: 'probe',
    code: 'PUBLISHER_PROBE_ANSWER',
    says: 'PUT /x answered status 200, wanted 204',
  },
  {
    name: 'another text than wanted',
    module: printing(HELLO),
    changes: { probe: { method: 'GET', path: '/', headers: {}, body: '', contains: 'bye' } },
    step: 'probe',
    code: 'PUBLISHER_PROBE_ANSWER',
    says: 'without "bye"',
  },
  {
    name: 'a module that is not there',
    module: printing(HELLO),
    changes: { modulePath: '/nowhere/at/all' },
    step: 'verify',
    code: 'PUBLISHER_BAD_JOB',
    says: 'ENOENT',
  },
]

function someLimits(): PublisherJob['limits'] {
  return {
    moduleBytes: 1_000_000,
    hardenedBytes: 1_000_000,
    memoryBytes: 1_048_576,
    cpuMs: 200,
    wallMs: 400,
    responseBodyBytes: 1000,
  }
}

test.for(REFUSED)('$name: $code', async ({ module: bytes, changes, step, code, says }) => {
  const { event, bytes: out } = await run(bytes, changes)
  expect(event).toMatchObject({
    event: 'failed',
    step,
    error: { code, message: expect.stringContaining(says) },
  })
  expect(out).toBeUndefined()
})

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
      limits: { ...someLimits(), responseBodyBytes: 100_000 },
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
  const image = join(folder, 'image')
  mkdirSync(image)
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
