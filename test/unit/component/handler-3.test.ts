/** Requests that a component of WASI 0.3 answers: its streams and futures, and what it does against the canonical ABI with them. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { MAX_HANDLES } from '../../../src/component/handle-table.ts'
import { MAX_ACTIVITIES } from '../../../src/component/host/host-work.ts'
import { answer, assertNoHandleLasts, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, HELLO_3_WAT } from '../../support/component-wat.ts'
import { sourceOf } from '../../support/guest.ts'

function put(from: string, to: string, source = HELLO_3_WAT): string {
  assert.ok(source.includes(from), from)
  return source.replace(from, to)
}

const SETS = '(global.set $set (call $new-set))'
/** Where everything is there: the body, the answer, its trailers. */
const GOES_ON = `(call $join (global.get $behind) (global.get $set))
      (call $go-on))`
const RETURNS = '(call $return (i32.const 0)'
const HEADERS = '(drop (call $headers (local.get $request)))'

/** With a canonical function more, `$extra` in the core module. */
const withExtra = (canonical: string, type: string, source = HELLO_3_WAT): string =>
  put(
    '(core module $main',
    `(core func $extra (canon ${canonical}))\n  (core module $main`,
    put(
      '(import "host" "end-sent"',
      `(import "host" "extra" (func $extra ${type}))\n    (import "host" "end-sent"`,
      put(
        '(export "end-sent" (func $end-sent))',
        '(export "end-sent" (func $end-sent)) (export "extra" (func $extra))',
        source,
      ),
    ),
  )

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

const WITH_ROOM = put('(memory (export "memory") 1)', '(memory (export "memory") 1)')

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
    put(GOES_ON, `(call $join (global.get $behind) (global.get $set)) (i32.const 1))`, WITH_ROOM),
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

const WRITES = '(call $write (global.get $out) (i32.const 64) (i32.const 16))'
const ok =
  '(i32.const 0) (i32.load (i32.const 0)) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)'
/** Before the answer is begun, so that nobody takes what is written. */
const before = (code: string): string => put(RETURNS, `${code} ${RETURNS}`)

const FAULTS: ReadonlyArray<readonly [name: string, source: string, message: RegExp]> = [
  [
    'returns without an answer',
    put(SETS, `${SETS} (return (i32.const 0))`),
    /task.return was not called/,
  ],
  [
    'answers twice',
    put(
      GOES_ON,
      `${GOES_ON.slice(0, -1)} (drop) (call $return ${ok}) (i32.const 0))`.replace(
        '(call $go-on) (drop)',
        '',
      ),
    ),
    /there is no handle|task.return was called twice/,
  ],
  [
    'answers twice, an error',
    put(
      GOES_ON,
      `(call $return (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) ${GOES_ON}`,
    ),
    /task.return was called twice/,
  ],
  [
    'ends before its body does',
    put(GOES_ON, '(i32.const 0))'),
    /it waits for what nobody can bring/,
  ],
  ['waits for nothing', put(GOES_ON, '(call $waits))'), /it waits for what nobody can bring/],
  [
    'waits for a set that is none',
    put(GOES_ON, '(i32.or (i32.const 2) (i32.shl (global.get $in) (i32.const 4))))'),
    /is of another resource than "waitable-set"/,
  ],
  ['goes on in no way that there is', put(GOES_ON, '(i32.const 3))'), /it wants to go on with 3/],
  [
    'writes twice at the same time',
    before(`(drop ${WRITES}) (drop ${WRITES})`),
    /handle \d+ is busy/,
  ],
  [
    'gives up what it writes to',
    before(`(drop ${WRITES}) (call $drop-writable (global.get $out))`),
    /is given up, and is busy/,
  ],
  [
    'gives up a future that has no value',
    before('(call $end-trailers (global.get $behind))'),
    /is given up, and its future has no value/,
  ],
  [
    'reads from what is written to',
    before('(drop (call $read (global.get $out) (i32.const 1024) (i32.const 16)))'),
    /is of another resource than "the readable end of stream<u8>"/,
  ],
  [
    'reads from a stream that it has given away',
    before('(drop (call $read (i32.wrap_i64 (local.get $ends)) (i32.const 1024) (i32.const 16)))'),
    /there is no handle|is of another resource/,
  ],
  [
    'writes from out of bounds',
    before('(drop (call $write (global.get $out) (i32.const 65530) (i32.const 16)))'),
    /16 bytes at 65530 are out of bounds/,
  ],
  [
    'writes more than there can be',
    before('(drop (call $write (global.get $out) (i32.const 0) (i32.const -1)))'),
    /4294967295 are to be copied, wanted at most 268435455/,
  ],
  [
    'writes from where no value can be',
    before('(drop (call $write-trailers (global.get $behind) (i32.const 257)))'),
    /257 is not a multiple of/,
  ],
  [
    'gives up a set with something in it',
    put(
      GOES_ON,
      `(call $join (global.get $in) (global.get $set)) (call $drop-set (global.get $set)) (i32.const 0))`,
    ),
    /is given up with 3 in it|is given up with 2 in it|is given up with 1 in it/,
  ],
  [
    'waits for a set in a set',
    before('(call $join (global.get $set) (global.get $set))'),
    /is nothing that can be waited for/,
  ],
  [
    'gives away a stream that is waited for',
    put(
      '(call $new-response (call $new-fields)',
      '(call $join (i32.wrap_i64 (local.get $ends)) (global.get $set)) (call $new-response (call $new-fields)',
    ),
    /is given away, and is waited for/,
  ],
  [
    'gives away a stream that it reads from',
    put(
      '(call $new-response (call $new-fields)',
      '(drop (call $read (i32.wrap_i64 (local.get $ends)) (i32.const 1024) (i32.const 16))) (call $new-response (call $new-fields)',
    ),
    /is given away, and is busy/,
  ],
  [
    'has streams without end',
    put(SETS, '(loop $on (drop (call $new-bytes)) (br $on))'),
    new RegExp(`more than ${MAX_HANDLES} handles`),
  ],
  [
    'has sets without end',
    put(SETS, '(loop $on (drop (call $new-set)) (br $on))'),
    new RegExp(`more than ${MAX_HANDLES} handles`),
  ],
  [
    'cancels what nobody has asked it to',
    put(SETS, `${SETS} (call $extra)`, withExtra('task.cancel', '')),
    /nobody has asked for it/,
  ],
  [
    'lets off more than it has held off',
    put(SETS, `${SETS} (call $extra)`, withExtra('backpressure.dec', '')),
    /its backpressure is -1/,
  ],
  [
    'holds off without end',
    put(SETS, '(loop $on (call $extra) (br $on))', withExtra('backpressure.inc', '')),
    /its backpressure is 65536/,
  ],
  [
    'cancels a copy that it has not begun',
    put(
      RETURNS,
      `(drop (call $extra (global.get $out))) ${RETURNS}`,
      withExtra('stream.cancel-write $bytes', '(param i32) (result i32)'),
    ),
    /is cancelled, and is not busy/,
  ],
  [
    'answers of another type than its own',
    put(RETURNS, `(call $extra) ${RETURNS}`, withExtra('task.return', '')),
    /task.return answers nothing, wanted result</,
  ],
  [
    'gives up a call that there is none of',
    put(SETS, `${SETS} (call $extra (global.get $set))`, withExtra('subtask.drop', '(param i32)')),
    /is of another resource than "subtask"/,
  ],
]

test.each(FAULTS)('it traps: one that %s', async (_, source, message) => {
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), message)
  assert.equal(instance.isSpent, true)
})

test('a copy that is cancelled is over', async () => {
  // 2: cancelled, and nothing copied. It can be begun again.
  const source = put(
    RETURNS,
    `(drop ${WRITES}) (if (i32.ne (call $extra (global.get $out)) (i32.const 2)) (then (unreachable))) ${RETURNS}`,
    withExtra('stream.cancel-write $bytes', '(param i32) (result i32)'),
  )
  const instance = await makeComponent(await componentWat(source))
  assert.equal((await answer(instance, '/a')).stdout, 'Status: 200\r\n\r\n0 times before: /a')
})

test('words of its own begin with 0, in each request', async () => {
  const source = put(
    SETS,
    `(if (call $get) (then (unreachable))) (call $extra (i32.const 7))
     (if (i32.ne (call $get) (i32.const 7)) (then (unreachable))) ${SETS}`,
    put(
      '(import "host" "extra"',
      '(import "host" "get" (func $get (result i32))) (import "host" "extra"',
      put(
        '(export "extra"',
        '(export "get" (func $get)) (export "extra"',
        put(
          '(core func $extra',
          '(core func $get (canon context.get i32 1)) (core func $extra',
          withExtra('context.set i32 1', '(param i32)'),
        ),
      ),
    ),
  )
  const instance = await makeComponent(await componentWat(source))
  for (let turn = 0; turn < 2; turn++) {
    assert.equal((await answer(instance, '/a')).report.outcome.kind, 'exited')
    assert.equal(instance.reset(), true)
  }
})

test('yielding for ever is ended by what a request may take', async () => {
  const source = put(
    '(call $join (global.get $in) (global.get $set))',
    '(return (i32.const 1))',
  ).replace(
    '(if (i32.eq (local.get $event) (i32.const 5))',
    '(return (i32.const 1)) (if (i32.eq (local.get $event) (i32.const 5))',
  )
  const instance = await makeComponent(await componentWat(source))
  const { report } = await answer(instance, '/a', {}, { cpuMs: 50 })
  assert.equal(report.outcome.kind, 'killed')
})

const CLOCK = `(import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (import "wasi:http/types@0.3.0"`

const CLOCKED = put(
  '(import "wasi:http/types@0.3.0"',
  CLOCK,
  withExtra('lower (func $clock "wait-for") async (memory $m)', '(param i64) (result i32)'),
)

test('calls without end are under way no longer than they may be many', async () => {
  const source = put(
    SETS,
    '(loop $on (drop (call $extra (i64.const 1000000000000))) (br $on))',
    CLOCKED,
  )
  const instance = await makeComponent(await componentWat(source))
  assert.match(
    trapOf(await answer(instance, '/a')),
    new RegExp(`more than ${MAX_ACTIVITIES} calls and streams of the host are under way`),
  )
})

test('a call that is under way ends while it waits for others, and is told of', async () => {
  // 1 in the low bits: started. Its event is (1, call, 2), and then it may be given up.
  const source = put(
    GOES_ON,
    `(local.set $call (call $extra (i64.const 1000000)))
      (if (i32.ne (i32.and (local.get $call) (i32.const 15)) (i32.const 1)) (then (unreachable)))
      (call $join (i32.shr_u (local.get $call) (i32.const 4)) (global.get $set))
      (call $waits))`,
    put(
      '(local $ends i64)',
      '(local $ends i64) (local $call i32)',
      put(
        '(if (i32.eq (local.get $event) (i32.const 5))',
        `(if (i32.eq (local.get $event) (i32.const 1))
        (then
          (if (i32.ne (local.get $result) (i32.const 2)) (then (unreachable)))
          (call $give-up (local.get $handle))
          (return (call $go-on))))
      (call $join (global.get $behind) (global.get $set))
      (if (i32.eq (local.get $event) (i32.const 5))`,
        CLOCKED.replace(
          '(core func $extra',
          '(core func $give-up (canon subtask.drop)) (core func $extra',
        )
          .replace(
            '(import "host" "extra"',
            '(import "host" "give-up" (func $give-up (param i32))) (import "host" "extra"',
          )
          .replace('(export "extra"', '(export "give-up" (func $give-up)) (export "extra"'),
      ),
    ),
  )
  const instance = await makeComponent(await componentWat(source))
  const { stdout, report } = await answer(instance, '/a')
  assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
  assert.equal(stdout, 'Status: 200\r\n\r\n0 times before: /a')
})

test('a call that waits where it is called', async () => {
  const source = put(
    SETS,
    `${SETS} (call $extra (i64.const 1000000))`,
    put(
      '(import "wasi:http/types@0.3.0"',
      CLOCK,
      withExtra('lower (func $clock "wait-for")', '(param i64)'),
    ),
  )
  const instance = await makeComponent(await componentWat(source))
  assert.equal((await answer(instance, '/a')).stdout, 'Status: 200\r\n\r\n0 times before: /a')
})

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

test('one that is ended while it waits is not heard of again', async () => {
  // A path of four bytes waits for a clock that is far, with nothing of it on a stack.
  const source = put(
    GOES_ON,
    `(if (i32.eq (i32.load (i32.const 24)) (i32.const 4))
        (then
          (call $join (i32.shr_u (call $extra (i64.const 300000000)) (i32.const 4)) (global.get $set))
          (return (call $waits))))
      ${GOES_ON}`,
    CLOCKED,
  )
  const instance = await makeComponent(await componentWat(source))
  const ended = await answer(instance, '/2nd', {}, { wallMs: 50 })
  assert.deepEqual(ended.report.outcome, { kind: 'killed', reason: 'wall' })
  await new Promise<void>((resolve) => {
    if (instance.renew(resolve)) resolve()
  })
  for (let turn = 0; turn < 20; turn++) {
    const parts = ['a', '', 'b'.repeat(20_000)]
    const { stdout, report } = await answer(instance, '/other', { stdin: sourceOf(parts) })
    assert.deepEqual(report.outcome, { kind: 'exited', code: 0 })
    assert.equal(stdout, `Status: 200\r\n\r\n0 times before: /other${parts.join('')}`)
    assert.equal(instance.reset(), true)
    // Beyond what it has waited for.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
