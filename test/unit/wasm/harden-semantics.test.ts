/** A hardened module does what its original does: same results, traps, memories and globals, with checks rare or everywhere. */
import { expect, test } from 'vitest'
import { globalExport, memoryExport } from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { type Bytes, call, instantiate, ROOMY, sections, wat } from './modules.ts'

interface Case {
  readonly name: string
  readonly text?: string
  readonly bytes?: Bytes
  /** Arguments for each call of `run`. */
  readonly calls: readonly (readonly unknown[])[]
}

const CASES: readonly Case[] = [
  {
    name: 'loop with results and branches out of it',
    text: `(func (export "run") (param i32) (result i32) (local i32)
      (block (result i32) (loop (result i32)
        (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (br_if 1 (i32.const 77) (i32.gt_u (local.get 1) (i32.const 1000))) drop
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))) (local.get 1))))`,
    calls: [[1], [10], [100], [1000]],
  },
  {
    name: 'return from inside a loop, several results',
    text: `(func $f (param i32) (result i32 i64 f64)
        (loop (br_if 0 (i32.rem_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 7)))
          (if (i32.gt_u (local.get 0) (i32.const 50)) (then (return (local.get 0) (i64.const 5) (f64.const 1.5)))))
        (i32.const 1) (i64.const 2) (f64.const 3))
      (func (export "run") (param i32) (result i32) (local f64 i64)
        (call $f (local.get 0)) (local.set 1) (local.set 2) (i32.add (i32.wrap_i64 (local.get 2))))`,
    calls: [[0], [48], [60]],
  },
  {
    name: 'branch to the function label with a value',
    text: `(func (export "run") (param i32) (result i32)
      (loop (br_if 1 (i32.const 9) (i32.eqz (local.get 0))) drop
        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br 0)) (i32.const 3))`,
    calls: [[0], [5]],
  },
  {
    name: 'br_table over loops and the function',
    text: `(func (export "run") (param i32) (result i32) (local i32)
      (block (loop (block
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br_table 0 1 2 1 (i32.and (local.get 1) (local.get 0))))
        (br_if 0 (i32.lt_u (local.get 1) (i32.const 9)))))
      (local.get 1))`,
    calls: [[0], [1], [2], [3], [255]],
  },
  {
    name: 'tight loop: every way out of it',
    text: `(func (export "run") (param i32 i32) (result i32) (local i32)
      (block $a (block $b (block $c
        (loop
          (local.set 2 (i32.add (local.get 2) (i32.const 3)))
          (if (i32.eq (local.get 2) (local.get 0)) (then (block (br_table 0 1 2 3 4 5 (local.get 1)))))
          (br_if 2 (i32.gt_u (local.get 2) (i32.const 900)))
          (br_if 0 (i32.ne (local.get 2) (i32.const 600))))
        (local.set 2 (i32.add (local.get 2) (i32.const 1000))))
        (local.set 2 (i32.add (local.get 2) (i32.const 10000))))
        (local.set 2 (i32.add (local.get 2) (i32.const 100000))))
      (local.get 2))`,
    calls: [0, 1, 2, 3, 4, 5, 6].flatMap((target) => [
      [30, target],
      [300, target],
      [600, target],
    ]),
  },
  {
    name: 'tight loop: values to labels further out',
    text: `(func (export "run") (param i32 i32) (result i32) (local i32)
      (i32.add (i32.const 1) (block (result i32)
        (i32.add (i32.const 10) (block (result i32)
          (loop (result i32)
            (local.set 2 (i32.add (local.get 2) (i32.const 7)))
            (br_if 0 (i32.lt_u (local.get 2) (local.get 0)))
            (br_table 1 2 3 (i32.mul (local.get 2) (i32.const 100)) (local.get 1))))))))`,
    calls: [0, 1, 2, 3].flatMap((target) => [
      [1, target],
      [400, target],
    ]),
  },
  {
    name: 'tight loop: results, a type index, return, a label with a value',
    text: `(type $two (func (result i32 i64)))
      (func $f (param i32) (result i32 i64) (local i64)
        (block $out (type $two)
          (loop (type $two)
            (local.set 1 (i64.add (local.get 1) (i64.const 5)))
            (if (i64.eq (local.get 1) (i64.const 500)) (then (return (i32.const 1) (local.get 1))))
            (if (i32.eq (local.get 0) (i32.const 77)) (then (br $out (i32.const 2) (local.get 1))))
            (if (i32.eq (local.get 0) (i32.const 99)) (then (br 2 (i32.const 3) (local.get 1))))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
            (local.get 0) (local.get 1))))
      (func (export "run") (param i32) (result i32)
        (call $f (local.get 0)) (i32.wrap_i64) (i32.add))`,
    calls: [[1], [50], [78], [100], [5000]],
  },
  {
    name: 'tight loop: parameters, large weights, constant operands on the stack',
    text: `(memory (export "m") 1)
      (func (export "run") (param i32) (result i32) (local i32)
        (i32.const 7)
        (loop (i32.store (local.get 1) (i32.div_u (local.get 0) (i32.div_u (i32.const 99) (i32.const 5))))
          ${'(i32.store (local.get 1) (i32.rem_u (i32.load (local.get 1)) (i32.const 1234)))'.repeat(9)}
          (local.set 1 (i32.add (local.get 1) (i32.const 4)))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.set 0 (i32.const 50))
        (local.get 1) (loop (param i32) (result i32) (i32.const 1) (i32.add)
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.add))`,
    calls: [[1], [10], [1000]],
  },
  {
    name: 'tight loop: labels that need one byte more',
    text: `(func (export "run") (param i32) (result i32) (local i32)
      ${'(block '.repeat(130)}
        (loop (local.set 1 (i32.add (local.get 1) (i32.const 1)))
          (br_if 124 (i32.eq (local.get 1) (i32.const 20)))
          (br_if 125 (i32.eq (local.get 1) (local.get 0)))
          (br_table 0 127 128 130 0 (i32.sub (local.get 1) (local.get 0))))
      ${'(local.set 1 (i32.add (local.get 1) (i32.const 1000))))'.repeat(130)}
      (local.get 1))`,
    calls: [[0], [10], [19], [20], [21], [-3]],
  },
  {
    name: 'tight loop: inside of both ends of a try',
    text: `(tag $e (param i32))
      (func (export "run") (param i32) (result i32) (local i32)
        (try (do (try (do
              (loop (local.set 1 (i32.add (local.get 1) (i32.const 2)))
                (br_if 2 (i32.eq (local.get 1) (i32.const 60)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
              (throw $e (local.get 1))) (delegate 0)))
          (catch $e (local.set 0) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 9))) (i32.const 400))))))
        (i32.add (local.get 0) (local.get 1)))`,
    calls: [[1], [7], [29], [30], [31]],
  },
  {
    name: 'traps inside loops keep what was done before',
    text: `(memory (export "m") 1) (global (mut i32) (i32.const 0))
      (func (export "run") (param i32)
        (loop (i32.store (i32.mul (local.get 0) (i32.const 4096)) (local.get 0))
          (global.set 0 (local.get 0))
          (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))`,
    calls: [[0], [3], [-1]],
  },
  {
    name: 'division by zero through calls',
    text: `(func $d (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
      (func (export "run") (param i32 i32) (result i32)
        (loop (result i32) (call $d (local.get 0) (local.get 1)) (br_if 0 (i32.const 0))))`,
    calls: [
      [6, 3],
      [6, 0],
      [-2147483648, -1],
    ],
  },
  ...[0, 1, 65_535, 65_536, 65_537, 200_000, 262_144, 262_145, -1].flatMap((size) => [
    {
      name: `memory.fill of ${size}`,
      text: `(memory (export "m") 4) (func (export "run") (param i32) (memory.fill (local.get 0) (i32.const 0xab) (i32.const ${size})))
        (func (export "by") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xab) (local.get 1)))`,
      calls: [[0], [1], [62_144], [262_144], [-1]],
    },
    {
      name: `memory.copy of ${size}`,
      text: `(memory (export "m") 4) (data (i32.const 0) "${'0123456789abcdef'.repeat(64)}") (data (i32.const 70000) "xyz")
        (func (export "run") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (i32.add (local.get 2) (i32.const ${size}))))`,
      calls: [
        [0, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [60_000, 500, -1000],
        [500, 60_000, 0],
        [0, 262_143, 0],
        [-5, 3, 0],
        [3, -5, 0],
        [262_144, 0, 0],
      ],
    },
  ]),
  {
    name: 'memory.init in steps, with a dropped segment',
    text: `(memory (export "m") 3) (data $d "${'q'.repeat(70_000)}")
      (func (export "run") (param i32 i32 i32 i32)
        (memory.init $d (local.get 0) (local.get 1) (local.get 2)) (if (local.get 3) (then (data.drop $d))))`,
    calls: [
      [0, 0, 70_000, 0],
      [5, 1, 69_999, 0],
      [5, 2, 69_999, 0],
      [-1, 0, 2, 0],
      [9, 0, 66_000, 1],
      [9, 0, 66_000, 0],
      [9, 0, 0, 0],
    ],
  },
  {
    name: 'two memories',
    text: `(memory $a (export "a") 3) (memory $b (export "b") 3)
      (func (export "run") (param i32 i32 i32)
        (memory.fill $a (i32.const 10) (i32.const 1) (i32.const 150000))
        (memory.copy $b $a (local.get 0) (local.get 1) (local.get 2)))`,
    calls: [
      [0, 0, 160_000],
      [500, 0, 196_608],
      [1, 100_000, 70_000],
    ],
  },
  {
    name: 'tables: grow, fill, copy, init, set',
    text: `(table $t 3000 6000 funcref) (type $i (func (result i32)))
      (elem $e func $one $two) (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
      (func (export "run") (param i32 i32 i32) (result i32)
        (drop (table.grow $t (ref.func $one) (local.get 0)))
        (table.fill $t (i32.const 0) (ref.func $two) (i32.const 2500))
        (table.copy $t $t (local.get 1) (i32.const 0) (local.get 2))
        (table.init $t $e (i32.const 7) (i32.const 0) (i32.const 2))
        (table.set $t (i32.const 9) (ref.null func))
        (i32.add (i32.mul (table.size $t) (i32.const 10)) (call_indirect (type $i) (local.get 1))))`,
    calls: [
      [10, 3, 2000],
      [1500, 2999, 1400],
      [90_000, 9, 1],
      [0, 3000, 2501],
      [0, 5, 100_000],
    ],
  },
  {
    name: 'exceptions, older encoding',
    text: `(tag $e (param i32)) (func $t (param i32) (if (i32.and (local.get 0) (i32.const 1)) (then (throw $e (local.get 0)))))
      (func (export "run") (param i32) (result i32) (local i32)
        (loop (try (do (call $t (local.get 0))) (catch $e (local.set 1 (i32.add (local.get 1)))) (catch_all (unreachable)))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (try (do (try (do (call $t (i32.const 5))) (delegate 0))) (catch $e (local.set 1 (i32.add (local.get 1)))))
        (try (result i32) (do (try (do (call $t (i32.const 3))) (catch_all (rethrow 0))) (i32.const 0)) (catch $e))
        (i32.add (local.get 1)))`,
    calls: [[1], [10], [1000]],
  },
  {
    name: 'exceptions, exnref encoding',
    text: `(tag $e (param i32)) (func $t (param i32) (if (i32.and (local.get 0) (i32.const 1)) (then (throw $e (local.get 0)))))
      (func (export "run") (param i32) (result i32) (local i32)
        (loop
          (block $none (block $caught (result i32) (try_table (catch $e $caught) (call $t (local.get 0))) (br $none)) (local.set 1 (i32.add (local.get 1))))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (block $again (result exnref) (try_table (catch_all_ref $again) (call $t (i32.const 7))) (return (i32.const -1)))
        drop (local.get 1))`,
    calls: [[1], [10], [1000]],
  },
  {
    name: 'an exception leaves by the function label',
    text: `(tag $e (param i32))
      (func (export "run") (param i32) (result i32)
        (loop (try_table (catch $e 1) (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 42))))
          (local.set 0 (i32.sub (local.get 0) (i32.const 1)))) (br 0)) (i32.const 1))`,
    calls: [[0], [20]],
  },
  {
    name: 'tail calls',
    text: `(type $t (func (param i32 i32) (result i32))) (table funcref (elem $even $odd))
      (func $even (export "run") (param i32 i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
        (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (i32.const 1)))
      (func $odd (param i32 i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (loop (br_if 0 (i32.const 0)))
        (return_call $even (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))`,
    calls: [
      [0, 0],
      [7, 0],
      [200_000, 0],
    ],
  },
  {
    name: 'vectors, relaxed vectors, extended constants',
    text: `(memory (export "m") 1) (global i32 (i32.add (i32.const 40) (i32.mul (i32.const 2) (i32.const 4))))
      (global $v (mut v128) (v128.const i32x4 1 2 3 4))
      (func (export "run") (param i32) (result i32) (local v128)
        (loop
          (local.set 1 (i32x4.add (local.get 1) (i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 (global.get $v) (i32x4.splat (local.get 0)))))
          (global.set $v (f32x4.relaxed_madd (local.get 1) (global.get $v) (local.get 1)))
          (v128.store32_lane 2 (global.get 0) (local.get 1))
          (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (v128.store (i32.const 100) (local.get 1)) (i32x4.extract_lane 2 (local.get 1)))`,
    calls: [[1], [50]],
  },
  {
    name: 'stack overflow stays a RangeError',
    text: '(func $f (export "run") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))',
    calls: [[1]],
  },
  {
    name: 'start function, host calls back',
    text: `(import "host" "f" (func $h (param i32) (result i32))) (global (mut i32) (i32.const 5)) (start $s)
      (func $s (global.set 0 (call $h (i32.const 3))))
      (func (export "run") (param i32) (result i32) (loop (global.set 0 (i32.add (global.get 0) (call $h (local.get 0))))
        (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (global.get 0))`,
    calls: [[1], [20]],
  },
  {
    // (type $f (func (param i32) (result i32))), call_ref, ref.as_non_null, a block of a reference, a local that is never null.
    name: 'typed references',
    bytes: sections(
      [1, 2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f],
      [3, 2, 0, 1],
      [7, 1, 3, 0x72, 0x75, 0x6e, 0, 1],
      [9, 1, 3, 0, 1, 0],
      [
        ...[10, 2, 7, 0, 0x20, 0, 0x20, 0, 0x6c, 0x0b],
        ...[38, 1, 1, 0x64, 0, 0xd2, 0, 0x21, 1, 0x03, 0x40, 0x20, 0, 0x20, 1, 0xd4, 0x14, 0, 0x1a],
        ...[
          0x02, 0x64, 0, 0x20, 1, 0x0b, 0x1a, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20,
          0, 0x0b,
        ],
      ],
    ),
    calls: [[1], [30]],
  },
]

function observe(bytes: Bytes, calls: Case['calls']): string[] {
  const host = { f: (value: number) => value * 3 }
  const exports = instantiate(bytes, { host })
  const seen: string[] = []
  for (const given of calls) {
    try {
      seen.push(String(call(exports, 'run', ...given)))
    } catch (error) {
      seen.push(error instanceof Error ? `${error.constructor.name}: ${error.message}` : 'thrown')
    }
    for (const [name, value] of Object.entries(exports)) {
      // The hardened module's own exports are the host's business.
      if (value instanceof WebAssembly.Memory && !name.startsWith('wasm_fpm:'))
        seen.push(digest(value.buffer))
    }
  }
  return seen
}

function digest(buffer: ArrayBuffer): string {
  let hash = 0
  for (const byte of new Uint8Array(buffer)) hash = (Math.imul(hash, 31) + byte) | 0
  return `${buffer.byteLength}:${hash}`
}

test.each(CASES)('$name', ({ text, bytes = wat(`(module ${text})`), calls }) => {
  const expected = observe(bytes, calls)
  for (const quota of [0, 1000, 2_000_000]) {
    const hardened = harden(bytes, { ...ROOMY, quota }).bytes
    expect(WebAssembly.validate(hardened)).toBe(true)
    expect(observe(hardened, calls)).toEqual(expected)
  }
})

test('memories and mutable globals can be read, saved and restored', () => {
  const module =
    wat(`(module (memory 1) (global (mut i32) (i32.const 1)) (global i64 (i64.const 2)) (global (mut v128) (v128.const i32x4 1 2 3 4))
    (global (mut funcref) (ref.null func)) (elem declare func $run)
    (func $run (export "run") (global.set 0 (i32.add (global.get 0) (i32.const 10))) (global.set 3 (ref.func $run))
      (global.set 2 (i32x4.splat (i32.const 9))))
    (func (export "lane") (result i32) (i32x4.extract_lane 1 (global.get 2))))`)
  const exports = instantiate(harden(module, ROOMY).bytes)
  const value = (index: number): unknown =>
    (exports[globalExport(index)] as WebAssembly.Global).value
  expect(exports[memoryExport(0)]).toBeInstanceOf(WebAssembly.Memory)
  call(exports, 'run')
  call(exports, 'wasm_fpm:save')
  call(exports, 'run')
  expect(value(0)).toBe(21)
  call(exports, 'wasm_fpm:restore')
  expect([value(0), typeof value(3), call(exports, 'lane')]).toEqual([11, 'function', 9])
  expect(exports[globalExport(1)]).toBeUndefined()
})
