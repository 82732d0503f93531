/** Values in memory and as core values, against bytes written by hand (canonical ABI, little-endian). */
import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { HandleTable } from '../../../src/component/handle-table.ts'
import { type Core, type LiftScope, liftFields, liftFlat } from '../../../src/component/lift.ts'
import { boundsFor, FOR_HOST } from '../../../src/component/lift-bounds.ts'
import { type LowerScope, lowerFlat, storeValue } from '../../../src/component/lower.ts'
import type { ValueType } from '../../../src/component/plan.ts'
import { printFunction } from '../../../src/component/print-type.ts'
import { layoutOf } from '../../../src/component/type-layout.ts'
import { HostResource, TextPairs, type Value } from '../../../src/component/value.ts'

const primitive = (of: string): ValueType => ({ kind: 'primitive', of })
const list = (element: ValueType): ValueType => ({ kind: 'list', element })
const option = (some: ValueType): ValueType => ({
  kind: 'option',
  cases: [
    ['none', undefined],
    ['some', some],
  ],
})
const result = (ok?: ValueType, err?: ValueType): ValueType => ({
  kind: 'result',
  cases: [
    ['ok', ok],
    ['err', err],
  ],
})
const tuple = (...fields: ValueType[]): ValueType => ({
  kind: 'tuple',
  fields: fields.map((field) => ['', field]),
})
const flags = (count: number): ValueType => ({
  kind: 'flags',
  names: Array.from({ length: count }, (_, index) => `f${index}`),
})
const many: ValueType = {
  kind: 'enum',
  cases: Array.from({ length: 300 }, (_, index) => [`c${index}`, undefined]),
}
const tag = (name: string, value: Value = undefined): Value => ({ tag: name, value })

interface Case {
  readonly type: ValueType
  readonly value: Value
  /** At address 16; what is allocated begins at 64. */
  readonly bytes: readonly number[]
  readonly allocated?: readonly number[]
  readonly flat?: readonly Core[]
  /** Of the memory's strings. */
  readonly encoding?: LiftScope['encoding']
}

const CASES: Readonly<Record<string, Case>> = {
  bool: { type: primitive('bool'), value: true, bytes: [1], flat: [1] },
  u8: { type: primitive('u8'), value: 255, bytes: [255], flat: [255] },
  s8: { type: primitive('s8'), value: -2, bytes: [254], flat: [-2] },
  u16: { type: primitive('u16'), value: 0x1234, bytes: [0x34, 0x12], flat: [0x1234] },
  s16: { type: primitive('s16'), value: -2, bytes: [254, 255], flat: [-2] },
  u32: { type: primitive('u32'), value: 0xfffffffe, bytes: [254, 255, 255, 255], flat: [-2] },
  s32: { type: primitive('s32'), value: -2, bytes: [254, 255, 255, 255], flat: [-2] },
  u64: {
    type: primitive('u64'),
    value: 2n ** 64n - 2n,
    bytes: [254, 255, 255, 255, 255, 255, 255, 255],
    flat: [-2n],
  },
  s64: {
    type: primitive('s64'),
    value: -2n,
    bytes: [254, 255, 255, 255, 255, 255, 255, 255],
    flat: [-2n],
  },
  f32: { type: primitive('f32'), value: 1.5, bytes: [0, 0, 0xc0, 0x3f], flat: [1.5] },
  f64: { type: primitive('f64'), value: 1.5, bytes: [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], flat: [1.5] },
  char: { type: primitive('char'), value: '\u{1f600}', bytes: [0, 0xf6, 1, 0], flat: [0x1f600] },
  'string, UTF-8': {
    type: primitive('string'),
    value: 'aä',
    bytes: [64, 0, 0, 0, 3, 0, 0, 0],
    allocated: [0x61, 0xc3, 0xa4],
    flat: [64, 3],
  },
  'string, UTF-16': {
    type: primitive('string'),
    value: 'aä',
    bytes: [64, 0, 0, 0, 2, 0, 0, 0],
    allocated: [0x61, 0, 0xe4, 0],
    flat: [64, 2],
    encoding: 'utf16',
  },
  'string, Latin-1 or UTF-16': {
    type: primitive('string'),
    value: 'aä',
    bytes: [64, 0, 0, 0, 2, 0, 0, 0x80],
    allocated: [0x61, 0, 0xe4, 0],
    flat: [64, -0x7ffffffe],
    encoding: 'latin1+utf16',
  },
  'an empty string': {
    type: primitive('string'),
    value: '',
    bytes: [64, 0, 0, 0, 0, 0, 0, 0],
    flat: [0, 0],
  },
  'list<u8>': {
    type: list(primitive('u8')),
    value: Uint8Array.of(7, 8),
    bytes: [64, 0, 0, 0, 2, 0, 0, 0],
    allocated: [7, 8],
    flat: [64, 2],
  },
  'list<u16>': {
    type: list(primitive('u16')),
    value: [7, 8],
    bytes: [64, 0, 0, 0, 2, 0, 0, 0],
    allocated: [7, 0, 8, 0],
    flat: [64, 2],
  },
  'tuple: padded': {
    type: tuple(primitive('u8'), primitive('u32'), primitive('u16')),
    value: [1, 2, 3],
    bytes: [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0],
    flat: [1, 2, 3],
  },
  'flags of 8': { type: flags(8), value: 0x81, bytes: [0x81], flat: [0x181] },
  'flags of 9': { type: flags(9), value: 0x181, bytes: [0x81, 1], flat: [0x381] },
  'flags of 32': {
    type: flags(32),
    value: 0x80000001,
    bytes: [1, 0, 0, 0x80],
    flat: [-0x7fffffff],
  },
  'enum of 300': { type: many, value: 'c258', bytes: [2, 1], flat: [258] },
  'option: none': { type: option(primitive('u64')), value: tag('none'), bytes: [0], flat: [0, 0n] },
  'option: some': {
    type: option(primitive('u32')),
    value: tag('some', 7),
    bytes: [1, 0, 0, 0, 7, 0, 0, 0],
    flat: [1, 7],
  },
  'result: ok of nothing': {
    type: result(undefined, primitive('u8')),
    value: tag('ok'),
    bytes: [0],
    flat: [0, 0],
  },
  'result: err': {
    type: result(undefined, primitive('u8')),
    value: tag('err', 9),
    bytes: [1, 9],
    flat: [1, 9],
  },
  'a float where another case has an i64': {
    type: result(primitive('f32'), primitive('u64')),
    value: tag('ok', 1.5),
    bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 0x3f],
    flat: [0, 0x3fc00000n],
  },
  'a float where another case has an i32': {
    type: result(primitive('f32'), primitive('u32')),
    value: tag('ok', 1.5),
    bytes: [0, 0, 0, 0, 0, 0, 0xc0, 0x3f],
    flat: [0, 0x3fc00000],
  },
}

function scopes(encoding: LiftScope['encoding'] = 'utf8'): LiftScope & LowerScope {
  const memory = new WebAssembly.Memory({ initial: 1 })
  let next = 64
  const allocate = (alignment: number, bytes: number): number => {
    const at = Math.ceil(next / alignment) * alignment
    next = at + bytes
    return at
  }
  return {
    encoding,
    memory,
    handles: new HandleTable(),
    bounds: FOR_HOST,
    lend: () => assert.fail('nothing is lent'),
    lent: [],
    lifted: 0,
    charge: () => undefined,
    allocate,
  }
}

const bytesAt = ({ memory }: LiftScope, at: number, length: number): number[] =>
  Array.from(new Uint8Array(memory?.buffer ?? new ArrayBuffer(0), at, length))

const put = ({ memory }: LiftScope, at: number, bytes: readonly number[]): void =>
  new Uint8Array(memory?.buffer ?? new ArrayBuffer(0)).set(bytes, at)

describe.each(Object.entries(CASES))(
  '%s',
  (_, { type, value, bytes, allocated = [], flat, encoding }) => {
    test('given to memory', () => {
      const scope = scopes(encoding)
      storeValue(scope, type, value, 16)
      assert.deepEqual(bytesAt(scope, 16, bytes.length), bytes)
      assert.deepEqual(bytesAt(scope, 64, allocated.length), allocated)
      assert.deepEqual(bytesAt(scope, 16 + layoutOf(type).size, 1), [0])
    })

    test('taken from memory', () => {
      const scope = scopes(encoding)
      put(scope, 16, bytes)
      put(scope, 64, allocated)
      assert.deepEqual(liftFields(scope, [type], 16), [value])
    })

    test('given as core values', () => {
      const scope = scopes(encoding)
      const cores = lowerFlat(scope, [type, primitive('u8')], [value, 77])
      const kinds = [...layoutOf(type).flat, 'i32'].map((core) => core === 'i64')
      assert.deepEqual(
        cores.map((core) => typeof core === 'bigint'),
        kinds,
      )
      assert.deepEqual(bytesAt(scope, 64, allocated.length), allocated)
      assert.deepEqual(liftFlat(scope, [type, primitive('u8')], cores), [value, 77])
    })

    test('passed on to another component', () => {
      const from = scopes(encoding)
      put(from, 64, allocated)
      const bounds = boundsFor(from.encoding)
      const values = liftFlat({ ...from, bounds }, [type], flat ?? [])
      const into = scopes(encoding)
      storeValue(into, type, values[0], 16)
      assert.deepEqual(bytesAt(into, 16, bytes.length), bytes)
      assert.deepEqual(bytesAt(into, 64, allocated.length), allocated)
    })

    test('taken from core values', () => {
      const scope = scopes(encoding)
      put(scope, 64, allocated)
      assert.deepEqual(liftFlat(scope, [type, primitive('u8')], [...(flat ?? []), 77]), [value, 77])
    })
  },
)

const FAULTS: ReadonlyArray<
  readonly [name: string, type: ValueType, flat: readonly Core[], message: RegExp]
> = [
  ['text that is not UTF-8', primitive('string'), [16, 1], /not in its encoding/],
  ['text out of bounds', primitive('string'), [65_535, 2], /out of bounds/],
  ['text at 2^32 - 1', primitive('string'), [-1, 2], /out of bounds/],
  ['a longer text than may be', primitive('string'), [0, 1_048_577], /at most 1048576/],
  ['a longer list than may be', list(primitive('u16')), [0, 1025], /at most 1024/],
  ['a list at an odd address', list(primitive('u16')), [17, 1], /not a multiple of 2/],
  ['a list of bytes out of bounds', list(primitive('u8')), [0, -1], /out of bounds/],
  ['half of a surrogate pair', primitive('char'), [0xd800], /no character/],
  ['a case that is not there', option(primitive('u8')), [2, 0], /no case 2/],
  ['a handle that is not there', { kind: 'own', resource: 'a' }, [1], /no handle 1/],
  ['handle 0', { kind: 'borrow', resource: 'a' }, [0], /no handle 0/],
]

test.each(FAULTS)('refused: %s', (_, type, flat, message) => {
  const scope = scopes()
  put(scope, 16, [0xff])
  assert.throws(() => liftFlat(scope, [type], flat), message)
})

test('the same bytes told of again and again count each time', () => {
  const scope = scopes()
  // 40 times: 60,000 bytes from 0 on.
  put(scope, 1024, Array(40).fill([0, 0, 0, 0, 0x60, 0xea, 0, 0]).flat())
  assert.throws(
    () => liftFlat(scope, [list(list(primitive('u8')))], [1024, 40]),
    /more than 2097152 bytes/,
  )
})

class Thing extends HostResource {}

test('a handle that is lent is not given away, and each is of its resource', () => {
  const scope = scopes()
  const thing = new Thing()
  const own: ValueType = { kind: 'own', resource: 'a' }
  assert.deepEqual(lowerFlat(scope, [own], [thing]), [1])
  assert.throws(() => liftFlat(scope, [{ kind: 'own', resource: 'b' }], [1]), /of another resource/)
  assert.deepEqual(liftFlat(scope, [{ kind: 'borrow', resource: 'a' }], [1]), [thing])
  assert.throws(() => liftFlat(scope, [own], [1]), /while it is lent/)
  for (const handle of scope.lent) handle.lends -= 1
  assert.deepEqual(liftFlat(scope, [own], [1]), [thing])
  assert.throws(() => liftFlat(scope, [own], [1]), /no handle 1/)
})

test('types are printed alike exactly if they are the same', () => {
  const printed = new Set(
    Object.values(CASES).map(({ type }) =>
      printFunction({ isAsync: false, parameters: [type], result: undefined }),
    ),
  )
  const types = new Set(Object.values(CASES).map(({ type }) => JSON.stringify(type)))
  assert.equal(printed.size, types.size)
})

test('text and numbers go into memory that has grown since', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const type = tuple(primitive('string'), primitive('string'))
  let at = 65_536
  const grown: LowerScope = {
    encoding: 'utf8',
    memory,
    handles: new HandleTable(),
    lend: () => 0,
    allocate: (_, bytes) => {
      memory.grow(1)
      at += bytes
      return at - bytes
    },
    charge: () => undefined,
  }
  const long = 'b'.repeat(100)
  storeValue(grown, type, ['ab', long], 16)
  const bytes = Buffer.from(memory.buffer)
  assert.equal(bytes.toString('latin1', 65_536, 65_638), `ab${long}`)
  assert.deepEqual(
    [16, 20, 24, 28].map((place) => bytes.readUInt32LE(place)),
    [65_536, 2, 65_538, 100],
  )
})

describe.each(['utf8', 'utf16', 'latin1+utf16'] as const)('pairs of texts in %s', (encoding) => {
  const long = 'v'.repeat(200)
  const texts = ['PATH', '/a b', 'EMPTY', '', 'LONG', long, '', 'of no name']
  const pairs = [0, 2, 4, 6].map((at) => texts.slice(at, at + 2))
  const ends = texts.map((_, index) => texts.slice(0, index + 1).join('-').length)
  const starts = ends.map((end, index) => end - (texts[index]?.length ?? 0))
  const bytes = Buffer.from(`-${texts.join('-')}`).subarray(1)
  const type = list(tuple(primitive('string'), primitive('string')))

  test('that are bytes come as strings do, and cost no less', () => {
    const given = [pairs, new TextPairs(bytes, starts, ends)].map((value) => {
      let work = 0
      const charge = (units: number): void => {
        work += units
      }
      const scope = { ...scopes(encoding), charge }
      storeValue(scope, type, value, 16)
      return { work, memory: bytesAt(scope, 0, 2048), cores: lowerFlat(scope, [type], [value]) }
    })
    assert.deepEqual(given[1], given[0])
  })
})

test('pairs of texts are a list of nothing else', () => {
  const value = new TextPairs(Buffer.from('ab'), [0, 1], [1, 2])
  assert.throws(() => storeValue(scopes(), list(primitive('string')), value, 16), /two of each/)
})

test('pairs of texts go into memory that grows with each of them', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  let at = 65_536
  const allocate = (_: number, bytes: number): number => {
    memory.grow(1)
    at += bytes
    return at - bytes
  }
  const texts = Buffer.from('NAMEvalue')
  const type = list(tuple(primitive('string'), primitive('string')))
  storeValue({ ...scopes(), memory, allocate }, type, new TextPairs(texts, [0, 4], [4, 9]), 16)
  assert.equal(Buffer.from(memory.buffer).toString('latin1', 65_536 + 16, 65_536 + 25), 'NAMEvalue')
})
