/** What is refused and what is found. What a probe sees: run-job-probe.test.ts. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { readComponent } from '../../../src/component/read-component.ts'
import { resolveComponent } from '../../../src/component/resolve-component.ts'
import { digestOf } from '../../../src/store/digest.ts'
import type { ModuleJob } from '../../../src/store/publisher-protocol.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { loopyFunctions } from '../../support/loopy-functions.ts'
import { wat } from '../../support/wat.ts'
import { HELLO, LIMITS, printing, run } from './job-run.ts'

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
    functionBytes: 27,
    memories: 1,
    isResettable: true,
  })
  expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true)
})

test('a component: its core modules are hardened in their places, and the result is one, too', async () => {
  const { event, bytes, steps } = await run(await componentWat(HELLO_WAT), {
    probe: { method: 'GET', path: '/', headers: {}, body: '', status: 200, contains: '0 times' },
  })
  if (event.event !== 'done' || bytes === undefined) throw new Error(JSON.stringify(event))
  expect(steps[0]?.note).toContain('component, 2 functions, 3 interfaces of WASI')
  expect(steps.map(({ step }) => step).join()).toBe('verify,validate,harden,compile,probe')
  expect(steps.at(-1)?.found).toMatchObject({ status: 200, memoryBytes: 65_536 })
  expect(event.lifetime).toBe('reset')
  expect(event.hardened).toMatchObject({ digest: digestOf(bytes), memories: 1, isResettable: true })
  const plan = resolveComponent(readComponent(bytes))
  for (const { start, end } of plan.modules)
    expect(inspect(bytes.subarray(start, end)).isHardened).toBe(true)
})

test('a component that answers no requests is refused', async () => {
  const { event } = await run(await componentWat('(component (core module))'))
  expect(event).toMatchObject({
    event: 'failed',
    step: 'verify',
    error: { code: 'COMPONENT_EXPORT' },
  })
})

const LARGE = printing(HELLO, '', loopyFunctions(30))
const ROOMY = { ...LIMITS, moduleBytes: 10_000_000, hardenedBytes: 100_000_000 }

test('how far hardening is, 20 times a second at most', async () => {
  let nowMs = 0
  // Every look at the clock finds it 20 ms later: each third one may be followed by a report.
  const nowOf = () => (nowMs += 20)
  const { shares } = await run(LARGE, { limits: ROOMY }, { ...systemClock, nowMs: nowOf })
  expect(shares.length).toBeGreaterThan(2)
  const done = shares.map((share) => share.done)
  expect(done).toEqual([...done].sort((a, b) => a - b))
  const [first] = shares
  expect(first).toMatchObject({ event: 'progress', step: 'harden' })
  const reports = (first?.total ?? 0) / 65_536
  expect(shares.length).toBeLessThanOrEqual(reports / 3 + 1)
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
  readonly changes?: Partial<ModuleJob>
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
    changes: { limits: { ...LIMITS, moduleBytes: 100 } },
    step: 'verify',
    code: 'WASM_LIMIT_EXCEEDED',
    says: 'moduleBytes',
  },
  {
    name: 'too large a function',
    module: printing(HELLO),
    changes: { limits: { ...LIMITS, functionBytes: 26 } },
    step: 'verify',
    code: 'WASM_LIMIT_EXCEEDED',
    says: 'functionBytes is 27, wanted at most 26, in function 2',
  },
  {
    name: 'too large a hardened module',
    module: printing(HELLO),
    changes: { limits: { ...LIMITS, hardenedBytes: 400 } },
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
    says: 'V8 says "Compiling function #0 failed: expected 0 elements on the stack for fallthru, found 1 @+51"',
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
    says: 'there is none',
  },
]

test.for(REFUSED)('$name: $code', async ({ module: bytes, changes, step, code, says }) => {
  const { event, bytes: out } = await run(bytes, changes)
  expect(event).toMatchObject({
    event: 'failed',
    step,
    error: { code, message: expect.stringContaining(says) },
  })
  expect(out).toBeUndefined()
})
