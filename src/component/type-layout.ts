/** Where values of a type lie in memory, and what they are as core values (canonical ABI: alignment, element size, flattening). */
import type { Named } from './definition.ts'
import type { ValueType } from './plan.ts'

export type CoreType = 'i32' | 'i64' | 'f32' | 'f64'

export interface Layout {
  readonly size: number
  readonly alignment: number
  /** As core values. */
  readonly flat: readonly CoreType[]
  /** Of fields; of a variant: of each payload, all at one place. */
  readonly offsets: readonly number[]
  /** Bytes of a variant's tag. */
  readonly tagBytes: number
  /** Values that there are in one, itself among them; of a variant in the largest case. What is in a list is not counted. */
  readonly parts: number
  /** Of a variant: its cases by their names. */
  readonly cases: ReadonlyMap<string, number>
}

const NO_CASES: ReadonlyMap<string, number> = new Map()

const PRIMITIVES: ReadonlyMap<string, readonly [size: number, flat: readonly CoreType[]]> = new Map(
  [
    ['bool', [1, ['i32']]],
    ['s8', [1, ['i32']]],
    ['u8', [1, ['i32']]],
    ['s16', [2, ['i32']]],
    ['u16', [2, ['i32']]],
    ['s32', [4, ['i32']]],
    ['u32', [4, ['i32']]],
    ['char', [4, ['i32']]],
    ['error-context', [4, ['i32']]],
    ['f32', [4, ['f32']]],
    ['s64', [8, ['i64']]],
    ['u64', [8, ['i64']]],
    ['f64', [8, ['f64']]],
  ],
)

const NUMBERS: ReadonlySet<string> = new Set([
  ...['u8', 's8', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64'],
])

/** Whether any bytes of its size are one. */
export function isNumber(
  type: ValueType,
): type is Extract<ValueType, { readonly kind: 'primitive' }> {
  return type.kind === 'primitive' && NUMBERS.has(type.of)
}

const POINTER_AND_LENGTH: Layout = {
  size: 8,
  alignment: 4,
  flat: ['i32', 'i32'],
  offsets: [],
  tagBytes: 0,
  parts: 1,
  cases: NO_CASES,
}

const layouts = new WeakMap<ValueType, Layout>()

export function layoutOf(type: ValueType): Layout {
  let layout = layouts.get(type)
  if (layout === undefined) {
    layout = makeLayout(type)
    layouts.set(type, layout)
  }
  return layout
}

/** As of `Layout`, of all of them. */
export function partsOf(types: readonly ValueType[]): number {
  let parts = 0
  for (const type of types) parts += layoutOf(type).parts
  return parts
}

function alignTo(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment
}

function makeLayout(type: ValueType): Layout {
  switch (type.kind) {
    case 'primitive': {
      const found = PRIMITIVES.get(type.of)
      return found === undefined ? POINTER_AND_LENGTH : plain(...found)
    }
    case 'list':
      return POINTER_AND_LENGTH
    case 'own':
    case 'borrow':
    case 'stream':
    case 'future':
      return plain(4, ['i32'])
    case 'flags':
      return plain(type.names.length <= 8 ? 1 : type.names.length <= 16 ? 2 : 4, ['i32'])
    case 'record':
    case 'tuple':
      return layoutOfFields(type.fields.map(([, field]) => field))
    default:
      return layoutOfCases(type.cases)
  }
}

function plain(size: number, flat: readonly CoreType[]): Layout {
  return { size, alignment: size, flat, offsets: [], tagBytes: 0, parts: 1, cases: NO_CASES }
}

/** Of values one after the other: parameters, too. */
export function layoutOfFields(fields: readonly ValueType[]): Layout {
  const offsets: number[] = []
  const flat: CoreType[] = []
  let offset = 0
  let alignment = 1
  for (const field of fields) {
    const layout = layoutOf(field)
    offset = alignTo(offset, layout.alignment)
    offsets.push(offset)
    offset += layout.size
    alignment = Math.max(alignment, layout.alignment)
    for (const core of layout.flat) flat.push(core)
  }
  const parts = 1 + partsOf(fields)
  const size = alignTo(offset, alignment)
  return { size, alignment, flat, offsets, tagBytes: 0, parts, cases: NO_CASES }
}

function layoutOfCases(named: ReadonlyArray<Named<ValueType | undefined>>): Layout {
  const payloads = named.map(([, payload]) => payload)
  const cases = new Map(named.map(([name], index) => [name, index]))
  const tagBytes = payloads.length <= 256 ? 1 : payloads.length <= 65_536 ? 2 : 4
  const flat: CoreType[] = ['i32']
  let alignment = tagBytes
  let size = 0
  let parts = 1
  for (const payload of payloads) {
    if (payload === undefined) continue
    const layout = layoutOf(payload)
    alignment = Math.max(alignment, layout.alignment)
    size = Math.max(size, layout.size)
    parts = Math.max(parts, 1 + layout.parts)
    for (const [index, core] of layout.flat.entries()) flat[index + 1] = join(flat[index + 1], core)
  }
  const offset = alignTo(tagBytes, alignment)
  const offsets = payloads.map(() => offset)
  return {
    size: alignTo(offset + size, alignment),
    alignment,
    flat,
    offsets,
    tagBytes,
    parts,
    cases,
  }
}

/** What holds either of two core values. */
function join(one: CoreType | undefined, other: CoreType): CoreType {
  if (one === undefined || one === other) return other
  return isOf32(one) && isOf32(other) ? 'i32' : 'i64'
}

function isOf32(core: CoreType): boolean {
  return core === 'i32' || core === 'f32'
}
