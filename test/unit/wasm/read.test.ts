/** What the reader refuses, with which code and where. */
import { expect, test } from 'vitest'
import { harden } from '../../../src/wasm/harden-module.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from '../../../src/wasm/limits.ts'
import { ROOMY, refusal, sections, wat } from './modules.ts'

/** One function without parameters whose code is `code`. */
function code(...instructions: number[]): Uint8Array {
  return sections(
    [1, 1, 0x60, 0, 0],
    [3, 1, 0],
    [10, 1, instructions.length + 1, 0, ...instructions],
  )
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

const REFUSED = [
  { name: 'nothing', bytes: new Uint8Array(0), code: 'WASM_NOT_A_MODULE', offset: 0 },
  {
    name: 'text',
    bytes: new TextEncoder().encode('(module)'),
    code: 'WASM_NOT_A_MODULE',
    offset: 0,
  },
  {
    name: 'a component',
    bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
    code: 'WASM_NOT_A_MODULE',
    offset: 0,
  },
  {
    name: 'a section cut short',
    bytes: Uint8Array.of(...HEADER, 1, 5, 1),
    code: 'WASM_MALFORMED',
    offset: 11,
  },
  { name: 'an unknown section', bytes: sections([14, 0]), code: 'WASM_MALFORMED', offset: 8 },
  {
    name: 'sections out of order',
    bytes: sections([3, 0], [1, 0]),
    code: 'WASM_MALFORMED',
    offset: 11,
  },
  { name: 'a section twice', bytes: sections([1, 0], [1, 0]), code: 'WASM_MALFORMED', offset: 11 },
  {
    name: 'bytes after the last entry',
    bytes: sections([1, 0, 0]),
    code: 'WASM_MALFORMED',
    offset: 11,
  },
  {
    name: 'more entries than bytes',
    bytes: sections([1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    code: 'WASM_MALFORMED',
    offset: 15,
  },
  {
    name: 'a number of 33 bits',
    bytes: sections([1, 0xff, 0xff, 0xff, 0xff, 0x1f]),
    code: 'WASM_MALFORMED',
    offset: 14,
  },
  {
    name: 'a number that does not end',
    bytes: Uint8Array.of(...HEADER, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0),
    code: 'WASM_MALFORMED',
    offset: 13,
  },
  {
    name: 'a name that is not UTF-8',
    bytes: sections([0, 1, 0xff]),
    code: 'WASM_MALFORMED',
    offset: 11,
  },
  {
    name: 'functions without bodies',
    bytes: sections([1, 1, 0x60, 0, 0], [3, 1, 0]),
    code: 'WASM_MALFORMED',
    offset: 18,
  },
  {
    name: 'a local that does not exist',
    bytes: code(0x20, 0, 0x1a, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 23,
  },
  {
    name: 'a global that hardening would add',
    bytes: code(0x41, 0, 0x24, 0, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 25,
  },
  {
    name: 'a function that hardening would add',
    bytes: code(0x10, 1, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 23,
  },
  {
    name: 'a table that hardening would add',
    bytes: code(0x41, 0, 0x11, 0, 0, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 25,
  },
  {
    name: 'a memory access without memory',
    bytes: code(0x41, 0, 0x28, 2, 0, 0x1a, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 25,
  },
  {
    name: 'a label outside the function',
    bytes: code(0x0c, 1, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 23,
  },
  { name: 'a body without end', bytes: code(0x02, 0x40, 0x0b), code: 'WASM_MALFORMED', offset: 26 },
  { name: 'code after the end', bytes: code(0x0b, 0x0b), code: 'WASM_MALFORMED', offset: 24 },
  {
    name: 'else without if',
    bytes: code(0x02, 0x40, 0x05, 0x0b, 0x0b),
    code: 'WASM_MALFORMED',
    offset: 25,
  },
  { name: 'an unknown opcode', bytes: code(0x27, 0x0b), code: 'WASM_UNSUPPORTED', offset: 23 },
  {
    name: 'an unknown prefixed opcode',
    bytes: code(0xfc, 0x20, 0x0b),
    code: 'WASM_UNSUPPORTED',
    offset: 23,
  },
  {
    name: 'an atomic instruction',
    bytes: code(0xfe, 0x03, 0x00, 0x0b),
    code: 'WASM_THREADS',
    offset: 23,
  },
  { name: 'shared memory', bytes: sections([5, 1, 3, 1, 1]), code: 'WASM_THREADS', offset: 11 },
  {
    name: 'an imported shared memory',
    bytes: sections([2, 1, 1, 0x61, 1, 0x62, 2, 3, 1, 1]),
    code: 'WASM_THREADS',
    offset: 16,
  },
  { name: 'memory64', bytes: sections([5, 1, 4, 1]), code: 'WASM_MEMORY64', offset: 11 },
  { name: 'table64', bytes: sections([4, 1, 0x70, 4, 1]), code: 'WASM_MEMORY64', offset: 12 },
  {
    name: 'custom page sizes',
    bytes: sections([5, 1, 8, 1, 0]),
    code: 'WASM_UNSUPPORTED',
    offset: 11,
  },
  {
    name: 'a struct type',
    bytes: sections([1, 1, 0x5f, 0]),
    code: 'WASM_GC_ALLOCATION',
    offset: 11,
  },
  {
    name: 'an array type in a group',
    bytes: sections([1, 1, 0x4e, 1, 0x5e, 0x7f, 0]),
    code: 'WASM_GC_ALLOCATION',
    offset: 13,
  },
  { name: 'array.new', bytes: code(0xfb, 6, 0, 0x0b), code: 'WASM_GC_ALLOCATION', offset: 23 },
  {
    name: 'exceptions that hold exceptions',
    bytes: sections([1, 1, 0x60, 1, 0x69, 0], [13, 1, 0, 0]),
    code: 'WASM_EXCEPTION_STORAGE',
    offset: 18,
  },
  {
    name: 'a table of exceptions',
    bytes: sections([4, 1, 0x69, 0, 1]),
    code: 'WASM_EXCEPTION_STORAGE',
    offset: 0,
  },
  {
    name: 'a minimum above the maximum',
    bytes: sections([5, 1, 1, 2, 1]),
    code: 'WASM_MALFORMED',
    offset: 11,
  },
  {
    name: 'a start function with a parameter',
    bytes: sections([1, 1, 0x60, 1, 0x7f, 0], [3, 1, 0], [8, 0], [10, 1, 2, 0, 0x0b]),
    code: 'WASM_MALFORMED',
    offset: 0,
  },
]

test.each(REFUSED)('refuses $name', ({ bytes, code: wanted, offset }) => {
  for (const action of [() => harden(bytes, ROOMY), () => inspect(bytes)]) {
    const error = refusal(action)
    expect([error.code, error.details['offset']]).toEqual([wanted, offset])
    expect(error.message).toMatch(/^Cannot read WebAssembly module: /)
  }
})

const TOO_MUCH: readonly {
  limit: keyof ModuleLimits
  text: string
  most: number
  code?: string
}[] = [
  { limit: 'moduleBytes', text: '', most: 7 },
  { limit: 'outputBytes', text: '(func)', most: 100 },
  { limit: 'sections', text: '(memory 1) (func)', most: 2 },
  { limit: 'types', text: '(type (func)) (type (func (param i32)))', most: 1 },
  { limit: 'imports', text: '(import "a" "b" (func)) (import "a" "c" (func))', most: 1 },
  { limit: 'functions', text: '(import "a" "b" (func)) (func)', most: 1 },
  { limit: 'functionBytes', text: '(func nop nop nop)', most: 4 },
  {
    limit: 'compileWork',
    text: '(func (local i32 i32) (loop) (loop))',
    most: 500,
    code: 'WASM_FUNCTION_TOO_COMPLEX',
  },
  { limit: 'locals', text: '(func (param i32) (local i64 i64))', most: 2 },
  { limit: 'nesting', text: '(func (block (block (block))))', most: 2 },
  { limit: 'tables', text: '(import "a" "b" (table 0 funcref)) (table 0 funcref)', most: 1 },
  { limit: 'memories', text: '(memory 0) (memory 0)', most: 1 },
  { limit: 'globals', text: '(global i32 (i32.const 0)) (global i32 (i32.const 0))', most: 1 },
  { limit: 'exports', text: '(func (export "a") (export "b"))', most: 1 },
  { limit: 'tags', text: '(tag) (tag)', most: 1 },
  { limit: 'tagParameters', text: '(tag (param i32 i32))', most: 1 },
  { limit: 'elements', text: '(table 2 funcref) (elem (i32.const 0) 0 0) (func)', most: 2 },
  { limit: 'dataSegments', text: '(memory 1) (data "") (data "")', most: 1 },
]

test.each(TOO_MUCH)('$limit is limited', ({ limit, text, most, code = 'WASM_LIMIT_EXCEEDED' }) => {
  const bytes = wat(`(module ${text})`)
  const error = refusal(() => harden(bytes, { ...ROOMY, limits: { [limit]: most } }))
  expect([error.code, error.details['limit'], error.details['wanted']]).toEqual([code, limit, most])
  expect(() => harden(bytes, ROOMY)).not.toThrow()
})

test('every limit is tested', () => {
  expect(TOO_MUCH.map(({ limit }) => limit).sort()).toEqual(
    Object.keys(DEFAULT_MODULE_LIMITS).sort(),
  )
})
