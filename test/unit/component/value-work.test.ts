/** What lifting and lowering values of all shapes charge, and the most that a call may be given of them. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { Channel } from '../../../src/component/channel.ts'
import { HandleTable } from '../../../src/component/handle-table.ts'
import {
  BLOCK_WORK,
  type Core,
  type LiftScope,
  liftFlat,
  VALUE_WORK,
} from '../../../src/component/lift.ts'
import { boundsFor, FOR_HOST, type LiftBounds } from '../../../src/component/lift-bounds.ts'
import { type LowerScope, lowerFlat, storeFields } from '../../../src/component/lower.ts'
import type { ValueType } from '../../../src/component/plan.ts'
import type { Case, Value } from '../../../src/component/value.ts'

/** Of one call: nanoseconds, about. */
const MOST_WORK = 20_000_000
const PAGE_BYTES = 65_536

const of = (name: string): ValueType => ({ kind: 'primitive', of: name })
const list = (element: ValueType): ValueType => ({ kind: 'list', element })
const tuple = (...fields: readonly ValueType[]): ValueType => ({
  kind: 'tuple',
  fields: fields.map((field, index) => [String(index), field]),
})
const option = (payload: ValueType): ValueType => ({
  kind: 'option',
  cases: [
    ['none', undefined],
    ['some', payload],
  ],
})
const times = <Item>(count: number, item: Item): Item[] => Array.from({ length: count }, () => item)
const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `case-${at}`)
const U8 = of('u8')
const STRING = of('string')

const nested = (depth: number): ValueType => (depth === 0 ? U8 : tuple(nested(depth - 1)))
const optional = (depth: number): ValueType => (depth === 0 ? U8 : option(optional(depth - 1)))
const wrapped = (depth: number, wrap: (value: Value) => Value): Value =>
  depth === 0 ? 1 : wrap(wrapped(depth - 1, wrap))

const SHAPES: ReadonlyArray<readonly [name: string, type: ValueType, value: Value]> = [
  ['bool', of('bool'), true],
  ['char', of('char'), 'a'],
  ['u64', of('u64'), 1n],
  ['flags', { kind: 'flags', names: names(32) }, 5],
  [
    'the last case of an enum',
    { kind: 'enum', cases: names(4_000).map((name) => [name, undefined]) },
    'case-3999',
  ],
  [
    'the last case of a variant',
    { kind: 'variant', cases: names(1_000).map((name) => [name, U8]) },
    { tag: 'case-999', value: 1 },
  ],
  ['a string without a byte', STRING, ''],
  ['a string', STRING, 'é'],
  ['two strings', tuple(STRING, STRING), ['a', 'b']],
  ['a field', tuple(STRING, list(U8)), ['a', new Uint8Array(3)]],
  ['a list of bytes', list(U8), new Uint8Array(1)],
  ['a list of fields', list(tuple(STRING, list(U8))), times(3, ['a', new Uint8Array(3)])],
  ['a list of nothing', list(of('bool')), []],
  ['lists in lists', list(list(list(of('bool')))), [[[true]], [[]], []]],
  ['a tuple of nothing', tuple(), []],
  ['many tuples of nothing', tuple(...times(4_000, tuple())), times(4_000, [])],
  ['many fields', tuple(...times(1_000, of('bool'))), times(1_000, true)],
  ['many strings', tuple(...times(1_000, STRING)), times(1_000, 'a')],
  ['tuples in tuples', nested(60), wrapped(60, (value) => [value])],
  ['options in options', optional(20), wrapped(20, (value) => ({ tag: 'some', value }))],
  ['none', option(STRING), { tag: 'none', value: undefined }],
]

const BOUNDS: ReadonlyArray<readonly [name: string, bounds: LiftBounds]> = [
  ['the host', FOR_HOST],
  ['another component', boundsFor('utf8')],
  ['another component in UTF-16', boundsFor('utf16')],
]

/** What there is in a value, counted by looking at all of it. */
function workOf(type: ValueType, value: Value): number {
  switch (type.kind) {
    case 'record':
    case 'tuple':
      return type.fields.reduce(
        (sum, [, field], at) => sum + workOf(field, (value as readonly Value[])[at]),
        VALUE_WORK,
      )
    case 'list': {
      if (value instanceof Uint8Array) return VALUE_WORK + BLOCK_WORK + value.length
      return (value as readonly Value[]).reduce<number>(
        (sum, one) => sum + workOf(type.element, one),
        VALUE_WORK + BLOCK_WORK,
      )
    }
    case 'primitive':
      if (type.of !== 'string' || value === '') return VALUE_WORK
      return VALUE_WORK + BLOCK_WORK + Buffer.byteLength(value as string)
    case 'variant':
    case 'option': {
      const payload = type.cases.find(([name]) => name === (value as Case).tag)?.[1]
      return VALUE_WORK + (payload === undefined ? 0 : workOf(payload, (value as Case).value))
    }
    default:
      return VALUE_WORK
  }
}

interface Guest {
  charged: number
  allocated: number
  readonly into: LowerScope
  readonly outOf: (bounds: LiftBounds) => LiftScope
}

/** Memory that is given on and on. `mayCharge`: throws where that is refused. */
function guestOf(mayCharge: () => void = () => undefined): Guest {
  const handles = new HandleTable()
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 1_024 })
  const charge = (work: number): void => {
    guest.charged += work
    mayCharge()
  }
  const common = { encoding: 'utf8' as const, handles, memory, charge }
  const guest: Guest = {
    charged: 0,
    allocated: 0,
    into: {
      ...common,
      lend: () => assert.fail('it lends something'),
      allocate: (alignment, bytes) => {
        const at = Math.ceil(guest.allocated / alignment) * alignment
        guest.allocated = at + bytes
        const missing =
          Math.ceil(guest.allocated / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES
        if (missing > 0) memory.grow(missing)
        return at
      },
    },
    outOf: (bounds) => ({ ...common, bounds, lent: [], lifted: 0 }),
  }
  return guest
}

const most = ({ listElements, liftedBytes, elementBytes }: LiftBounds, type: ValueType): number =>
  Math.min(
    listElements,
    Math.floor(liftedBytes / elementBytes / (workOf(type, blank(type)) / VALUE_WORK)),
  )

/** The largest value of a type without what is in lists and strings. */
function blank(type: ValueType): Value {
  switch (type.kind) {
    case 'record':
    case 'tuple':
      return type.fields.map(([, field]) => blank(field))
    case 'variant':
    case 'option': {
      const [tag, payload] = type.cases.at(-1) ?? ['', undefined]
      return { tag, value: payload === undefined ? undefined : blank(payload) }
    }
    case 'primitive':
      return type.of === 'string' ? '' : 0
    default:
      return 0
  }
}

/** Whose elements are not counted for themselves, and that is no list of bytes. */
const isCounted = (type: ValueType): boolean => !/"list"|"u64"/.test(JSON.stringify(type))

test.each(SHAPES)(
  '%s: what there is in it is charged, as a parameter and in a list',
  (_, type, value) => {
    for (const [given, values] of [
      [type, [value]],
      [list(type), [times(10, value)]],
    ] as const) {
      const wanted = workOf(given, values[0])
      const guest = guestOf()
      const cores = lowerFlat(guest.into, [given], values)
      assert.ok(guest.charged >= wanted, `lowered: ${guest.charged} of ${wanted}`)
      guest.charged = 0
      const [lifted] = liftFlat(guest.outOf(FOR_HOST), [given], cores)
      assert.deepEqual(lifted, values[0])
      assert.ok(guest.charged >= wanted, `lifted: ${guest.charged} of ${wanted}`)
      guest.charged = 0
      storeFields(guest.into, [given], values)
      assert.ok(guest.charged >= wanted, `stored: ${guest.charged} of ${wanted}`)
    }
  },
)

test.each(SHAPES)('%s: it is charged before anything is done', (_, type, value) => {
  let isLowered = false
  const guest = guestOf(() => {
    if (isLowered) throw new Error('no more')
  })
  const cores: Core[] = lowerFlat(guest.into, [list(type)], [times(10, value)])
  isLowered = true
  const before = guest.allocated
  assert.throws(() => lowerFlat(guest.into, [list(type)], [times(10, value)]), /no more/)
  assert.equal(guest.allocated, before)
  const untouched = { ...guest.outOf(boundsFor('utf8')), memory: undefined }
  assert.throws(() => liftFlat(untouched, [list(type)], cores), /no more/)
})

test.each(
  SHAPES.filter(([, type]) => isCounted(type)).flatMap(([name, type, value]) =>
    BOUNDS.map(([who, bounds]) => ({ name, type, value, who, bounds })),
  ),
)('$name: the most that $who may be given takes no more than it may', ({ type, value, bounds }) => {
  const count = most(bounds, type)
  const guest = guestOf()
  const cores = lowerFlat(guest.into, [list(type)], [times(count + 1, value)])
  guest.charged = 0
  assert.throws(
    () => liftFlat(guest.outOf(bounds), [list(type)], cores),
    /elements, wanted at most|is given more than/,
  )
  // Nothing but its list.
  assert.ok(guest.charged <= VALUE_WORK + BLOCK_WORK + (count + 1) * workOf(type, value))
  guest.charged = 0
  try {
    liftFlat(guest.outOf(bounds), [list(type)], [cores[0] as Core, count])
  } catch (error) {
    // Its strings are counted, too.
    assert.match(String(error), /is given more than/)
  }
  assert.ok(guest.charged <= MOST_WORK, `${guest.charged} for ${count}`)
})

test.each([
  ['small ones', of('char'), 1_024],
  ['large ones', tuple(...times(99, of('bool'))), 81],
  ['one that is larger than all that may be', tuple(...times(9_000, of('bool'))), 1],
] as const)('a copy of a stream moves so many values at a time: %s', (_, element, wanted) => {
  const channel = new Channel(false)
  const moved: number[] = []
  const buffer = { element, remain: 5_000, isEmpty: false }
  const party = { owner: undefined, onProgress: () => undefined, onDone: () => undefined }
  channel.start({
    ...{ side: 'write', ...party },
    buffer: { ...buffer, read: (count) => times(count, 'a') },
  })
  channel.start({
    ...{ side: 'read', ...party },
    buffer: {
      ...buffer,
      bounds: FOR_HOST,
      write: (items, count) => moved.push(items.length, count),
    },
  })
  assert.deepEqual(moved, [wanted, wanted])
})
