/** Requests of a component of WASI 0.3 that waits: for calls that are under way, for its turn, and for longer than it may. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { MAX_ACTIVITIES } from '../../../src/component/host/host-work.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat } from '../../support/component-wat.ts'
import { sourceOf } from '../../support/guest.ts'
import { GOES_ON, put, SETS, withExtra } from '../../support/hello-3-changes.ts'

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
