/** Types of functions are counted once, by all threads together, and before V8 has them. */
import { expect, test } from 'vitest'
import { TypeBook } from '../../../src/guest/type-book.ts'
import { makeTypeList } from '../../../src/guest/type-list.ts'
import { wat } from '../../support/wat.ts'

const book = (most: number) => new TypeBook(makeTypeList(most))
/** With a type for each list of parameters. */
const moduleOf = (...types: readonly string[]) =>
  wat(`(module ${types.map((type) => `(type (func ${type}))`).join('')})`)

const A = '(param i32)'
const B = '(param i64) (result i32)'
const C = '(result i32 i64)'

test('each once, whichever module it is in', () => {
  const types = book(10)
  types.add(moduleOf(A, B, A))
  expect([types.count, types.added]).toEqual([2, 2])
  types.add(moduleOf(B, C))
  types.add(moduleOf(A, B, C))
  types.add(wat('(module)'))
  expect([types.count, types.added]).toEqual([3, 3])
})

test('and whichever thread it was in', () => {
  const buffer = makeTypeList(10)
  const [one, other] = [new TypeBook(buffer), new TypeBook(buffer)]
  one.add(moduleOf(A, B))
  other.add(moduleOf(B, C))
  one.add(moduleOf(C))
  expect([one.count, other.count]).toEqual([3, 3])
  expect([one.added, other.added]).toEqual([2, 1])
})

test('no more than there may be', () => {
  const types = book(2)
  types.add(moduleOf(A))
  expect(() => types.add(moduleOf(A, B, C))).toThrow(
    'it has 2 types of functions that are new to this process, which has seen 1 of at most 2',
  )
  types.add(moduleOf(A, B))
  types.add(moduleOf(B))
  expect(() => types.add(moduleOf(C))).toThrow(
    expect.objectContaining({ code: 'GUEST_TYPES_USED_UP' }),
  )
  expect([types.count, types.added]).toEqual([2, 2])
})

/** With this type section: how many entries, then their bytes. */
const sectionOf = (...bytes: readonly number[]) =>
  Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, bytes.length, ...bytes)

const OTHERS_IN_EACH: ReadonlyArray<readonly [string, Uint8Array, number]> = [
  ['that belong together', sectionOf(1, 0x4e, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 0), 2],
  ['that others may be made of', sectionOf(1, 0x50, 0, 0x60, 0, 0), 1],
  ['that name others', sectionOf(2, 0x60, 0, 0, 0x60, 1, 0x64, 0, 0), 1],
]

test.each(OTHERS_IN_EACH)('types %s count in each module', (_, bytes, each) => {
  expect(WebAssembly.validate(Buffer.from(bytes))).toBe(true)
  const types = book(10)
  types.add(wat('(module (type (func)))'))
  for (const seen of [1, 2]) {
    types.add(bytes)
    expect(types.count).toBe(1 + seen * each)
  }
})
