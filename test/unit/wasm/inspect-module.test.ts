/** What `inspect` finds. */
import { expect, test } from 'vitest'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { wat } from './modules.ts'

test('lists what a module has', () => {
  const found = inspect(
    wat(`(module (import "host" "f" (func (param i32))) (memory (export "m") 1 5) (table 3 funcref)
      (global (mut i32) (i32.const 0)) (global i32 (i32.const 0)) (func $s) (start $s))`),
  )
  expect(found.imports).toEqual([{ module: 'host', name: 'f', kind: 'function' }])
  expect(found.exports).toEqual([{ name: 'm', kind: 'memory', index: 0 }])
  expect(found.memories).toEqual([{ imported: false, minimum: 1, maximum: 5 }])
  expect(found.tables).toEqual([{ imported: false, minimum: 3, maximum: undefined }])
  expect(found.functions).toEqual({ imported: 1, defined: 1, largestBytes: 2 })
  expect([found.mutableGlobals, found.start, found.namedFunctions, found.isHardened]).toEqual([
    1,
    1,
    1,
    false,
  ])
})

test.each([
  { feature: 'simd', text: '(func (drop (v128.const i32x4 0 0 0 0)))' },
  {
    feature: 'bulk-memory',
    text: '(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))',
  },
  { feature: 'tail-call', text: '(func $f (return_call $f))' },
  { feature: 'exceptions', text: '(func (block (try_table (catch_all 0))))' },
  { feature: 'legacy-exceptions', text: '(func (try (do) (catch_all)))' },
  { feature: 'multi-memory', text: '(memory 1) (memory 1)' },
  { feature: 'multi-value', text: '(func (result i32 i32) (i32.const 0) (i32.const 0))' },
  { feature: 'sign-extension', text: '(func (drop (i32.extend8_s (i32.const 0))))' },
])('notices $feature', ({ feature, text }) => {
  expect(inspect(wat(`(module ${text})`)).features).toEqual([feature])
})

const TABLE = '(table 1 funcref) (elem declare func $f) (data $d "x") (elem $e func $f)'

test.each([
  { name: 'no changes', text: '(func $f)', reasons: [] },
  {
    name: 'memory.init',
    text: '(memory 1) (func $f (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))',
    reasons: [],
  },
  {
    name: 'table.set in an export',
    text: '(func $f (export "f") (table.set (i32.const 0) (ref.null func)))',
    reasons: [/^table.set in function 0 "f" at offset \d+$/],
  },
  {
    name: 'table.grow below an export',
    text: '(func $f (export "f") (call $g)) (func $g (drop (table.grow 0 (ref.null func) (i32.const 1))))',
    reasons: [/^table.grow in function 1 "g"/],
  },
  {
    name: 'data.drop in a function whose address is taken',
    text: '(func $f (data.drop $d))',
    reasons: [/^data.drop in function 0/],
  },
  {
    name: 'elem.drop by start, which runs at the beginning of every run',
    text: '(func $f) (func $s (elem.drop $e)) (start $s)',
    reasons: [/^elem.drop in function 1/],
  },
  {
    name: 'elem.drop by start that others call',
    text: '(func $f (call $s)) (func $s (elem.drop $e)) (start $s)',
    reasons: [/^elem.drop in function 1/],
  },
])('reset and $name', ({ text, reasons }) => {
  const { reset } = inspect(wat(`(module ${TABLE} ${text})`))
  expect(reset.reasons).toHaveLength(reasons.length)
  for (const [index, reason] of reasons.entries()) expect(reset.reasons[index]).toMatch(reason)
  expect(reset.isPossible).toBe(reasons.length === 0)
})
