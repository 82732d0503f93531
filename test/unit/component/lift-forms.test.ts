/** Async functions of WASI 0.3 that a component lifts as in 0.2, and calls of others' in either form. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { ByteSource } from '../../../src/base/byte-stream.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, HELLO_3_WAT, HELLO_WAT, wants } from '../../support/component-wat.ts'
import { CollectingSink, sourceOf } from '../../support/guest.ts'

function put(from: string, to: string, source = HELLO_3_WAT): string {
  assert.ok(source.includes(from), from)
  return source.replace(from, to)
}

/** The last thing that `handle` does: answers with the rest of its request's body, as a value at 2048. */
const ANSWERS = `(call $new-response (call $new-fields) (i32.const 1) (global.get $in) (local.get $behind) (i32.const 0))
      (call $drop-sent (i32.load (i32.const 4)))
      (i32.store8 (i32.const 2048) (i32.const 0))
      (i32.store (i32.const 2056) (i32.load (i32.const 0)))
      (i32.const 2048))`

/** It reads five bytes of its body first, and is suspended until they are there. */
const READS = `(local.set $read (call $read (global.get $in) (i32.const 1024) (i32.const 5)))
      ${wants('(i32.eq (local.get $read) (i32.const 80))')} ${wants('(i32.eq (i32.load8_u (i32.const 1028)) (i32.const 111))')}`

/** Lifted without `async`: a handler that returns its answer. `does`: before that. */
function returning(does: string, source = HELLO_3_WAT): string {
  const [before = ''] = source.split('(func (export "handle") (param $request i32) (result i32)')
  const after = source.split('(core instance $main')[1] ?? ''
  return put(
    'async (memory $m) (callback (core func $main "callback"))',
    '(memory $m)',
    put(
      '(canon stream.read $bytes async (memory $m))',
      '(canon stream.read $bytes (memory $m))',
      `${before}(func (export "handle") (param $request i32) (result i32)
      (local $ends i64) (local $behind i32) (local $read i32)
      (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
      ${wants('(i32.eq (global.get $requests) (i32.const 1))')}
      (local.set $ends (call $new-sent))
      (call $consume (local.get $request) (i32.wrap_i64 (local.get $ends)) (i32.const 0))
      (global.set $in (i32.load (i32.const 0)))
      (local.set $behind (i32.load (i32.const 4)))
      ${does} ${ANSWERS})
  (core instance $main${after}`,
    ),
  )
}

test('an async handler that is lifted without async: its answer is what it returns, and others read the body', async () => {
  const instance = await makeComponent(await componentWat(returning('')))
  for (const parts of [['a', 'b'.repeat(100_000)], ['secret'], ['']]) {
    const { stdout, report } = await answer(instance, '/', { stdin: sourceOf(parts) })
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, `Status: 200\r\n\r\n${parts.join('')}`)
    assert.equal(instance.reset(), true)
  }
})

test('it may wait before it returns', async () => {
  const instance = await makeComponent(await componentWat(returning(READS)))
  for (let turn = 0; turn < 2; turn++) {
    const { stdout, report } = await answer(instance, '/', {
      stdin: sourceOf(['', 'hello', ' you']),
    })
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, 'Status: 200\r\n\r\n you')
    assert.equal(instance.reset(), true)
  }
})

test('what waits for ever is ended', async () => {
  const instance = await makeComponent(await componentWat(returning(READS)))
  const stdin: ByteSource = { read: () => new Uint8Array(0), onReadable: () => undefined }
  const { report } = await answer(instance, '/', { stdin }, { wallMs: 50 })
  assert.deepEqual(report.outcome, { kind: 'killed', reason: 'wall' })
})

const RETURN = `(call $return (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0)
  (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`

test('it traps: one that calls task.return, and returns', async () => {
  const instance = await makeComponent(await componentWat(returning(RETURN)))
  assert.match(
    trapOf(await answer(instance, '/a')),
    /task.return is called by what returns its answer/,
  )
  assert.equal(instance.isSpent, true)
})

test('it traps: one that returns what is no answer', async () => {
  const source = put('(i32.const 2048))', '(i32.const -8))', returning(''))
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /out of bounds/)
})

test('functions that do not wait are lowered async as well: they have returned at once', async () => {
  // 2: returned. There is no call to be given up.
  const source = put(
    '(canon lower (func $http "[method]request.get-headers"))',
    '(canon lower (func $http "[method]request.get-headers") async (memory $m))',
    put(
      '(import "host" "headers" (func $headers (param i32) (result i32)))',
      '(import "host" "headers" (func $headers (param i32 i32) (result i32)))',
      put(
        '(drop (call $headers (local.get $request)))',
        `${wants('(i32.eq (call $headers (local.get $request) (i32.const 640)) (i32.const 2))')}
         ${wants('(i32.load (i32.const 640))')}`,
      ),
    ),
  )
  const instance = await makeComponent(await componentWat(source))
  assert.equal((await answer(instance, '/a')).stdout, 'Status: 200\r\n\r\n0 times before: /a')
})

const COMMAND = (type: string, options: string, code: string): string => `(component
  (core module $m ${code})
  (core instance $c (instantiate $m))
  (core func $return (canon task.return (result (result))))
  (func $run ${type} (result (result)) (canon lift (core func $c "run") ${options}))
  (instance $i (export "run" (func $run)))
  (export "wasi:cli/run@0.3.0" (instance $i)))`

test.each([0, 1])(
  'an async command that is lifted without async returns its status: %s',
  async (code) => {
    const source = COMMAND('async', '', `(func (export "run") (result i32) (i32.const ${code}))`)
    const instance = await makeComponent(await componentWat(source))
    const stdout = new CollectingSink()
    const { report } = await answer(instance, '/', { stdout })
    assert.deepEqual(report.outcome, { kind: 'exited', code })
  },
)

const REFUSED: ReadonlyArray<
  readonly [name: string, source: string, code: string, message: RegExp]
> = [
  [
    'an export of 0.3 that is not async, lifted async',
    COMMAND('', 'async', '(func (export "run"))'),
    'COMPONENT_MALFORMED',
    /is lifted async that is not/,
  ],
  [
    'an export of 0.3 that is not async',
    COMMAND('', '', '(func (export "run") (result i32) (i32.const 0))'),
    'COMPONENT_EXPORT',
    /run/,
  ],
  [
    'an export of 0.2 that is async',
    put('(func $handle (param "request"', '(func $handle async (param "request"', HELLO_WAT),
    'COMPONENT_EXPORT',
    /handle/,
  ],
]

test.each(REFUSED)('refused: %s', async (_, source, code, message) => {
  const bytes = await componentWat(source)
  await assert.rejects(makeComponent(bytes), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  })
})
