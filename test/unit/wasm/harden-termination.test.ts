/** Every way a guest can go on for ever calls the check again and again, and ends when the check says so. */
import { expect, test } from 'vitest'
import { END_GUEST, GO_ON } from '../../../src/wasm/contract.ts'
import { call, ROOMY, sections, wat, withCheck } from './modules.ts'

/** `run` never returns by itself, or not in the age of the universe. */
const ENDLESS = [
  { name: 'empty loop', text: '(func (export "run") (loop (br 0)))' },
  { name: 'loop by br_if', text: '(func (export "run") (loop (br_if 0 (i32.const 1))))' },
  { name: 'loop by br_table', text: '(func (export "run") (loop (br_table 0 0 0 (i32.const 1))))' },
  {
    name: 'loop with a parameter',
    text: '(func (export "run") (i32.const 1) (loop (param i32) (result i32) (br 0)) drop)',
  },
  { name: 'loop in a loop', text: '(func (export "run") (loop (loop (br 1))))' },
  {
    name: 'loop that leaves by the outer one',
    text: '(func (export "run") (loop (block (loop (br 1))) (br 0)))',
  },
  {
    name: 'loop of a call without loops',
    text: '(func $f) (func (export "run") (loop (call $f) (br 0)))',
  },
  {
    name: 'tree of self calls',
    text: `(func $f (param i32) (result i32) (if (result i32) (local.get 0)
        (then (i32.add (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 1))))
      (func (export "run") (drop (call $f (i32.const 200))))`,
  },
  {
    name: 'tree of mutual calls',
    text: `(func $a (param i32) (if (local.get 0) (then (call $b (local.get 0)) (call $b (local.get 0)))))
      (func $b (param i32) (call $a (i32.sub (local.get 0) (i32.const 1))))
      (func (export "run") (call $a (i32.const 300)))`,
  },
  {
    name: 'tree of calls through a table',
    text: `(table funcref (elem $f)) (type $t (func (param i32)))
      (func $f (param i32) (if (local.get 0) (then
        (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
        (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
      (func (export "run") (call $f (i32.const 300)))`,
  },
  { name: 'tail call to itself', text: '(func $f (export "run") (return_call $f))' },
  {
    name: 'tail calls in a ring',
    text: '(func $a (export "run") (return_call $b)) (func $b (return_call $c)) (func $c (return_call $a))',
  },
  {
    name: 'tail call through a table',
    text: '(type $t (func)) (table funcref (elem $f)) (func $f (export "run") (return_call_indirect (type $t) (i32.const 0)))',
  },
  {
    name: 'tail call out of a loop',
    text: '(func $f (export "run") (loop (br_if 0 (i32.const 0)) (return_call $f)))',
  },
  {
    name: 'exponential calls without loops or cycles',
    text: `${doubling(60)} (func (export "run") (call $f60))`,
  },
  {
    name: 'exponential calls whose loops do not turn',
    text: `${doubling(60, '(block (br 0) (loop (br 0)))')} (func (export "run") (call $f60))`,
  },
  {
    name: 'fill of all memory for ever',
    text: '(memory 64) (func (export "run") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 4194304)) (br 0)))',
  },
  {
    name: 'copy of all memory for ever',
    text: '(memory 64) (func (export "run") (loop (memory.copy (i32.const 0) (i32.const 1) (i32.const 4194303)) (br 0)))',
  },
  {
    name: 'catch_all around a loop (older encoding)',
    text: '(func (export "run") (loop (try (do (loop (br 0))) (catch_all)) (br 0)))',
  },
  {
    name: 'catch_all around a loop (exnref encoding)',
    text: '(func (export "run") (loop (block (try_table (catch_all 0) (loop (br 0)))) (br 0)))',
  },
  {
    name: 'catch straight to a loop header',
    text: '(tag $e) (func (export "run") (loop (try_table (catch $e 0) (throw $e))))',
  },
  {
    name: 'throw and catch',
    text: '(tag $e) (func $f (throw $e)) (func (export "run") (loop (try (do (call $f)) (catch_all)) (br 0)))',
  },
  {
    name: 'recursion that catches its own stack overflow',
    text: '(func $f (call $f)) (func (export "run") (loop (try (do (call $f)) (catch_all)) (br 0)))',
  },
  {
    name: 'growth for ever',
    text: '(memory 1) (func (export "run") (loop (drop (memory.grow (i32.const 1))) (br 0)))',
  },
  {
    name: 'growth of a table for ever',
    text: '(table 1 funcref) (func (export "run") (loop (drop (table.grow 0 (ref.null func) (i32.const 1))) (br 0)))',
  },
  {
    name: 'cheap host calls',
    text: '(import "host" "now" (func $now)) (func $f (call $now)) (func (export "run") (loop (call $f) (br 0)))',
  },
]

/** f0 does nothing; each further one calls the one before it twice. */
function doubling(depth: number, extra = ''): string {
  const functions = ['(func $f0)']
  for (let at = 1; at <= depth; at++)
    functions.push(`(func $f${at} ${extra} (call $f${at - 1}) (call $f${at - 1}))`)
  return functions.join(' ')
}

test.each(ENDLESS)('$name', ({ text }) => {
  let checks = 0
  const exports = withCheck(wat(`(module ${text})`), () => (++checks < 60 ? GO_ON : END_GUEST), {
    imports: { host: { now: () => {} } },
    options: { ...ROOMY, quota: 20_000 },
  })
  let error: unknown
  try {
    call(exports, 'run')
  } catch (caught) {
    error = caught
  }
  expect(error).toBeInstanceOf(WebAssembly.RuntimeError)
  expect(String(error)).toContain('unreachable')
  expect(checks).toBe(60)
})

test('tail call of a reference to itself', () => {
  // (func $f (export "run") ref.func $f return_call_ref)
  const bytes = sections(
    [1, 1, 0x60, 0, 0],
    [3, 1, 0],
    [7, 1, 3, 0x72, 0x75, 0x6e, 0, 0],
    [10, 1, 6, 0, 0xd2, 0, 0x15, 0, 0x0b],
  )
  let checks = 0
  const exports = withCheck(bytes, () => (++checks < 60 ? GO_ON : END_GUEST))
  expect(() => call(exports, 'run')).toThrow('unreachable')
  expect(checks).toBe(60)
})

test('a check that throws is asked again at once', () => {
  const text =
    '(module (global $n (export "n") (mut i32) (i32.const 0)) (func (export "run") (loop (try (do (loop (br 0))) (catch_all)) (global.set $n (i32.add (global.get $n) (i32.const 1))) (br 0))))'
  let checks = 0
  const exports = withCheck(wat(text), () => {
    checks++
    if (checks % 2 === 0) throw new Error('the host is in trouble')
    return checks < 99 ? GO_ON : END_GUEST
  })
  expect(() => call(exports, 'run')).toThrow('unreachable')
  expect(checks).toBe(99)
  // 49 throws; after the last one the guest does not get as far as counting it.
  expect((exports['n'] as WebAssembly.Global).value).toBe(48)
})

test.each([
  { name: 'memory.fill', text: '(memory.fill (i32.const 0) (i32.const 7) (local.get 0))' },
  { name: 'memory.copy up', text: '(memory.copy (i32.const 65536) (i32.const 0) (local.get 0))' },
  { name: 'memory.copy down', text: '(memory.copy (i32.const 0) (i32.const 65536) (local.get 0))' },
])('one $name of 4 MB is checked on the way', ({ text }) => {
  let checks = 0
  const module = wat(`(module (memory 70) (func (export "run") (param i32) ${text}))`)
  const exports = withCheck(
    module,
    () => {
      checks++
      return GO_ON
    },
    {
      options: { ...ROOMY, quota: 4_096 },
    },
  )
  call(exports, 'run', 4_194_304)
  // A sixteenth of a unit a byte.
  expect(checks).toBeGreaterThanOrEqual(60)
})

test('work between two checks is bounded: counts in callees are not lost to their callers', () => {
  // Each frame keeps a counter in a local; the callee's turns must show in the caller's.
  const text = `(module
    (func $inner (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func $middle (param i32) (loop (call $inner (i32.const 100)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (param i32) (loop (call $middle (i32.const 10)) (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`
  let checks = 0
  const exports = withCheck(
    wat(text),
    () => {
      checks++
      return GO_ON
    },
    {
      options: { ...ROOMY, quota: 10_000 },
    },
  )
  call(exports, 'run', 100)
  // 100,000 turns of at least 8 units each.
  expect(checks).toBeGreaterThanOrEqual(80)
})

const COUNT_DOWN = `(module (func (export "run") (param i32) (result i32) (local i32)
  (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))`

test.each([-1_000_000, -1, 0, 1, 15])(
  'a tight loop gets a turn done between two checks at a quota of %i',
  (quota) => {
    let checks = 0
    const exports = withCheck(wat(COUNT_DOWN), () => (++checks > 0 ? GO_ON : END_GUEST), {
      options: { ...ROOMY, quota },
    })
    expect(call(exports, 'run', 50)).toBe(1275)
    expect(checks).toBeGreaterThanOrEqual(50)
    expect(checks).toBeLessThanOrEqual(52)
  },
)

test.each([
  { name: 'one long tight loop', turns: 1, inner: 100_000 },
  { name: 'many short tight loops', turns: 25_000, inner: 4 },
])('$name: charged for what it does, and not much more', ({ turns, inner }) => {
  const text = `(module (func (export "run") (param i32 i32) (local i32)
    (loop (local.set 2 (local.get 1))
      (loop (br_if 0 (local.tee 2 (i32.sub (local.get 2) (i32.const 1)))))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`
  let checks = 0
  const exports = withCheck(wat(text), () => (++checks > 0 ? GO_ON : END_GUEST), {
    options: { ...ROOMY, quota: 10_000 },
  })
  call(exports, 'run', turns, inner)
  // 100,000 turns of 14 units or so, weighed as 16; the loop around them, and rounding when they begin.
  expect(checks).toBeGreaterThanOrEqual(150)
  expect(checks).toBeLessThanOrEqual(330)
})
