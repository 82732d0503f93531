import { expect, test } from 'vitest'
import { keepExports } from '../../../src/wasm/keep-exports.ts'
import { wat } from '../../support/wat.ts'

const WANTED = new Set(['memory', '_start'])
const MANY = Array.from({ length: 300 }, (_, index) => index)

const exported = (kind: string): string =>
  MANY.map((index) => `(export "${kind}${index}" (${kind} ${index % 2}))`).join(' ')

const START = '(func $start (export "_start") (result i32) (i32.const 7))'
const MEMORY = '(memory (export "memory") 1)'

/** `_start` answers what it is asked for; each has functions that only their exports made known. */
const CASES = [
  {
    name: 'functions, without elements',
    fields: `${MEMORY} ${START} (func $f (result i32) (i32.const 1)) ${exported('func')}`,
    answer: 7,
  },
  {
    name: 'a function that is referred to, and was declared by its export alone',
    fields: `${MEMORY} (table 1 funcref)
      (func $start (export "_start") (result i32) (table.set (i32.const 0) (ref.func $f)) (call_indirect (result i32) (i32.const 0)))
      (func $f (result i32) (i32.const 3)) ${exported('func')} (data "behind")`,
    answer: 3,
  },
  {
    name: 'beside elements, which keep their places',
    fields: `${MEMORY} (table 2 funcref) (elem (i32.const 1) $f) (elem $passive func $start)
      (func $start (export "_start") (result i32) (table.init $passive (i32.const 0) (i32.const 0) (i32.const 1)) (call_indirect (result i32) (i32.const 1)))
      (func $f (result i32) (i32.const 5)) ${exported('func')}`,
    answer: 5,
  },
  {
    name: 'other things than functions, beside elements',
    fields: `${MEMORY} (table 1 funcref) (elem (i32.const 0) $start) (global i32 (i32.const 1)) (global i32 (i32.const 2))
      (func $start (export "_start") (result i32) (i32.const 9)) ${exported('global')}`,
    answer: 9,
  },
]

for (const { name, fields, answer } of CASES) {
  test(`${name}: the module does what it did, with the exports that are wanted`, () => {
    const module = new WebAssembly.Module(
      keepExports(wat(`(module ${fields})`), (name) => WANTED.has(name)),
    )
    expect(new Set(WebAssembly.Module.exports(module).map((one) => one.name))).toEqual(WANTED)
    const { exports } = new WebAssembly.Instance(module)
    expect((exports['_start'] as () => number)()).toBe(answer)
  })
}

test('few exports stay, and a module without any', () => {
  for (const fields of [`${MEMORY} ${START} (func (export "other"))`, '(func)']) {
    const bytes = wat(`(module ${fields})`)
    expect(keepExports(bytes, (name) => WANTED.has(name))).toBe(bytes)
  }
})
