/** Requests that a component of WASI 0.3 answers: in each way to wait that it has, and whatever its answer is. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { answer, assertNoHandleLasts, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, HELLO_3_WAT } from '../../support/component-wat.ts'
import { sourceOf } from '../../support/guest.ts'
import { GOES_ON, HEADERS, put, RETURNS, withExtra } from '../../support/hello-3-changes.ts'

test('put back, an instance is a new one', async () => {
  const instance = await makeComponent(await componentWat(HELLO_3_WAT))
  for (const path of ['/a', '/b?c', '/d']) {
    const { stdout, report } = await answer(instance, path)
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, `Status: 200\r\n\r\n0 times before: ${path}`)
    assert.equal(instance.reset(), true)
  }
})

test('the body of a request streams through', async () => {
  const instance = await makeComponent(await componentWat(HELLO_3_WAT))
  const parts = ['a', 'bc'.repeat(5_000), '', 'd']
  const { stdout } = await answer(instance, '/', { stdin: sourceOf(parts) })
  assert.equal(stdout, `Status: 200\r\n\r\n0 times before: /${parts.join('')}`)
})

/** Lifted without a callback: it waits in the middle of its function, by `waitable-set.wait` or by calls that wait themselves. */
const STACKFUL = put(
  'async (memory $m) (callback (core func $main "callback"))',
  'async (memory $m)',
  put(
    '(func (export "handle") (param $request i32) (result i32)',
    '(func (export "handle") (param $request i32)',
    put(
      GOES_ON,
      `(call $join (global.get $behind) (global.get $set))
      (local.set $packed (call $go-on))
      (loop $on
        (if (local.get $packed)
          (then
            (local.set $event (call $extra (i32.shr_u (local.get $packed) (i32.const 4)) (i32.const 128)))
            (local.set $packed (call $callback (local.get $event)
              (i32.load (i32.const 128)) (i32.load (i32.const 132))))
            (br $on)))))`,
      put(
        '(local $ends i64)',
        '(local $ends i64) (local $packed i32) (local $event i32)',
        put(
          '(func (export "callback")',
          '(func $callback (export "callback")',
          withExtra('waitable-set.wait (memory $m)', '(param i32 i32) (result i32)'),
        ),
      ),
    ),
  ),
)

/** Its copies wait where they are called, and nothing is ever waited for otherwise. */
const SYNCHRONOUS = HELLO_3_WAT.replaceAll(/(canon (?:stream|future)\.\w+ \$\w+) async/g, '$1')
  .replace('(canon future.write $sent ', '(canon future.write $sent async ')
  .replaceAll(/\(call \$join \(global\.get \$\w+\) \(global\.get \$set\)\)/g, '')

/** Called and calling as in 0.2, and yet of 0.3. */
const OTHERS: ReadonlyArray<readonly [name: string, source: string]> = [
  ['without a callback', STACKFUL],
  ['with copies that wait where they are called', SYNCHRONOUS],
  [
    'that yields before it goes on',
    put(GOES_ON, `(call $join (global.get $behind) (global.get $set)) (i32.const 1))`),
  ],
]

test.each(OTHERS)('one %s answers the same', async (_, source) => {
  const instance = await makeComponent(await componentWat(source))
  for (let turn = 0; turn < 2; turn++) {
    const parts = ['a', 'b'.repeat(10_000)]
    const { stdout, report } = await answer(instance, '/', { stdin: sourceOf(parts) })
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, `Status: 200\r\n\r\n0 times before: /${parts.join('')}`)
    assert.equal(instance.reset(), true)
  }
})

test('no handle of an earlier request leads anywhere', () =>
  assertNoHandleLasts((call) => put(HEADERS, call), 24))

/** Its answer has fields: `name: value`, at 512 and 576. */
const withField = (name: string, value: string): string =>
  put(
    '(call $new-response (call $new-fields)',
    `(local.set $fields (call $new-fields))
      (call $append (local.get $fields) (i32.const 512) (i32.const ${name.length}) (i32.const 576) (i32.const ${value.length}) (i32.const 640))
      (if (i32.load8_u (i32.const 640)) (then (unreachable)))
      (call $new-response (local.get $fields)`,
    put(
      '(data (i32.const 64) "0 times before: ")',
      `(data (i32.const 64) "0 times before: ") (data (i32.const 512) "${name}") (data (i32.const 576) "${value}")`,
      put(
        '(local $ends i64)',
        '(local $ends i64) (local $fields i32)',
        put(
          '(export "[method]request.get-headers"',
          `(type $header-error' (variant (case "invalid-syntax") (case "forbidden") (case "immutable") (case "size-exceeded") (case "other" (option string))))
    (export "header-error" (type $header-error (eq $header-error')))
    (export "[method]fields.append" (func (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8)) (result (result (error $header-error)))))
    (export "[method]request.get-headers"`,
          put(
            '(import "host" "extra"',
            '(import "host" "append" (func $append (param i32 i32 i32 i32 i32 i32))) (import "host" "extra"',
            put(
              '(export "extra"',
              '(export "append" (func $append)) (export "extra"',
              put(
                '(core func $extra',
                '(core func $append (canon lower (func $http "[method]fields.append") (memory $m) (realloc $realloc))) (core func $extra',
                withExtra('thread.yield', '(result i32)'),
              ),
            ),
          ),
        ),
      ),
    ),
  )

test('the answer has the fields that it was given', async () => {
  const instance = await makeComponent(await componentWat(withField('content-length', '18')))
  const { stdout, report } = await answer(instance, '/a')
  assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
  assert.equal(stdout, 'Status: 200\r\ncontent-length: 18\r\n\r\n0 times before: /a')
})

test('a body of another length than was declared is a failure', async () => {
  const instance = await makeComponent(await componentWat(withField('content-length', '17')))
  assert.match(
    trapOf(await answer(instance, '/a')),
    /the body of its answer has 18 bytes, and 17 were declared/,
  )
})

test('trailers that are an error are a failure', async () => {
  // 1: an error. At 16,000 and behind it is no other number.
  const source = put(
    '(call $write-trailers (global.get $behind) (i32.const 256))',
    '(call $write-trailers (global.get $behind) (i32.const 8192))',
    put('(data (i32.const 64)', '(data (i32.const 8192) "\\01") (data (i32.const 64)'),
  )
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /the body of its answer ended with an error/)
})

test('an error in the place of an answer is a 500', async () => {
  const source = put(
    RETURNS,
    `(call $return (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
      (return (i32.const 0)) ${RETURNS}`,
  )
  const instance = await makeComponent(await componentWat(source))
  const { stdout, report } = await answer(instance, '/a')
  assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
  assert.equal(stdout, 'Status: 500\r\n\r\n')
})

test('the body of the request may be that of the answer, and its trailers, too: no guest is needed any more', async () => {
  const source = put(
    '(call $drop-trailers (i32.load (i32.const 4)))',
    '(i32.store (i32.const 8) (i32.load (i32.const 4)))',
    put(
      '(i32.store (i32.const 8) (i32.wrap_i64 (local.get $ends)))',
      '',
      put(
        '(i32.const 1) (i32.wrap_i64 (local.get $ends))',
        '(i32.const 1) (global.get $in)',
        put('(call $join (global.get $in) (global.get $set))', '(return (i32.const 0))'),
      ),
    ),
  )
  const instance = await makeComponent(await componentWat(source))
  const parts = ['a', 'b'.repeat(200_000), '', 'c']
  const { stdout, report } = await answer(instance, '/', { stdin: sourceOf(parts) })
  assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
  assert.equal(stdout, `Status: 200\r\n\r\n${parts.join('')}`)
})
