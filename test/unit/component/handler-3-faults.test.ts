/** What a component that answers requests does against the canonical ABI with the streams and futures of WASI 0.3. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { MAX_HANDLES } from '../../../src/component/handle-table.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat } from '../../support/component-wat.ts'
import { GOES_ON, put, RETURNS, SETS, withExtra } from '../../support/hello-3-changes.ts'

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
