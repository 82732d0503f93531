/** Gives values to a guest: as core values and in its memory (canonical ABI: `store`, `lower_flat`). What they are is the host's say. */
import type { Channel, Items } from './channel.ts'
import { addEnd } from './channel-end.ts'
import { ERROR_CONTEXT } from './error-context.ts'
import type { HandleTable, Representation } from './handle-table.ts'
import { BLOCK_WORK, type Core, VALUE_WORK } from './lift.ts'
import { checkRange, contentsOf, viewOf, type WithMemory } from './memory-range.ts'
import type { ValueType } from './plan.ts'
import { type CoreType, layoutOf, layoutOfFields, partsOf } from './type-layout.ts'
import { type Case, TextPairs, type Value } from './value.ts'

export interface LowerScope extends WithMemory {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  readonly handles: HandleTable
  /** Lends something to the call that this is given to. */
  lend(resource: string, representation: Representation): number
  /** The guest's own: gives memory of so many bytes. */
  allocate(alignment: number, bytes: number): number
  /** As of `LiftScope`. */
  readonly charge: (work: number) => void
}

/** Of a text. */
const CALL_CHARS = 64
/** Of one that is bytes. */
const CALL_BYTES = 128
/** Of a pointer and a length. */
const PAIR_BYTES = 8

/** As core values. */
export function lowerFlat(
  scope: LowerScope,
  types: readonly ValueType[],
  values: readonly Value[],
): Core[] {
  scope.charge(partsOf(types) * VALUE_WORK)
  return flatOf(scope, types, values)
}

function flatOf(scope: LowerScope, types: readonly ValueType[], values: readonly Value[]): Core[] {
  const cores: Core[] = []
  for (const [index, type] of types.entries()) lowerTo(scope, type, values[index], cores)
  return cores
}

function lowerTo(scope: LowerScope, type: ValueType, value: Value, cores: Core[]): void {
  switch (type.kind) {
    case 'primitive':
      if (type.of === 'string') cores.push(...textIn(scope, value as string | Uint8Array))
      else if (type.of === ERROR_CONTEXT)
        cores.push(scope.handles.add(ERROR_CONTEXT, value as Representation))
      else cores.push(coreOf(type.of, value))
      return
    case 'own':
    case 'borrow':
      cores.push(handleOf(scope, type, value as Representation))
      return
    case 'stream':
    case 'future':
      cores.push(addReadable(scope, type, value))
      return
    case 'flags':
      cores.push(value as number)
      return
    case 'record':
    case 'tuple':
      for (const [index, [, field]] of type.fields.entries())
        lowerTo(scope, field, (value as readonly Value[])[index], cores)
      return
    case 'list':
      cores.push(...listIn(scope, type.element, value as Listed))
      return
    default: {
      const index = caseOf(type, value)
      const { flat } = layoutOf(type)
      const payload = type.cases[index]?.[1]
      const own = payload === undefined ? [] : flatOf(scope, [payload], [(value as Case).value])
      const types = payload === undefined ? [] : layoutOf(payload).flat
      cores.push(index)
      for (const [at, held] of flat.slice(1).entries())
        cores.push(widened(own[at] ?? 0, types[at] ?? 'i32', held))
    }
  }
}

const bits = new DataView(new ArrayBuffer(8))

/** A payload's core value as one that holds any case's: the opposite of what lifting does with it. */
function widened(value: Core, own: CoreType, held: CoreType): Core {
  if (own === held) return value
  if (own === 'f32') bits.setFloat32(0, Number(value), true)
  else if (own === 'f64') bits.setFloat64(0, Number(value), true)
  else bits.setUint32(0, Number(value), true)
  if (own !== 'f64') bits.setUint32(4, 0, true)
  if (held === 'i64') return bits.getBigUint64(0, true)
  return held === 'i32' ? bits.getUint32(0, true) : 0
}

function handleOf(
  scope: LowerScope,
  { kind, resource }: { readonly kind: 'own' | 'borrow'; readonly resource: string },
  representation: Representation,
): number {
  return kind === 'own'
    ? scope.handles.add(resource, representation)
    : scope.lend(resource, representation)
}

function addReadable(
  { handles }: LowerScope,
  type: Extract<ValueType, { readonly kind: 'stream' | 'future' }>,
  value: Value,
): number {
  return addEnd(handles, type, { channel: value as Channel, side: 'read' })
}

/** Into memory: `pointer` comes from the guest. */
export function storeValue(
  scope: LowerScope,
  type: ValueType,
  value: Value,
  pointer: number,
): void {
  const { size, alignment } = layoutOf(type)
  const at = pointer >>> 0
  checkRange(scope, { at, bytes: size, alignment })
  scope.charge(partsOf([type]) * VALUE_WORK)
  store(scope, type, value, at)
}

/** Into memory that the guest is asked for, one after the other. Answers where. */
export function storeFields(
  scope: LowerScope,
  types: readonly ValueType[],
  values: readonly Value[],
): number {
  const { size, alignment, offsets, parts } = layoutOfFields(types)
  scope.charge(parts * VALUE_WORK)
  const at = allocate(scope, alignment, size)
  for (const [index, type] of types.entries())
    store(scope, type, values[index], at + (offsets[index] ?? 0))
  return at
}

function store(scope: LowerScope, type: ValueType, value: Value, at: number): void {
  const { size, offsets, tagBytes } = layoutOf(type)
  switch (type.kind) {
    case 'primitive':
      storePrimitive(scope, type, value, at)
      return
    case 'list':
      storePair(scope, at, listIn(scope, type.element, value as Listed))
      return
    case 'own':
    case 'borrow':
      viewOf(scope).setUint32(at, handleOf(scope, type, value as Representation), true)
      return
    case 'stream':
    case 'future':
      viewOf(scope).setUint32(at, addReadable(scope, type, value), true)
      return
    case 'flags':
      storeUnsigned(scope, at, size, value as number)
      return
    case 'record':
    case 'tuple':
      for (const [index, [, field]] of type.fields.entries())
        store(scope, field, (value as readonly Value[])[index], at + (offsets[index] ?? 0))
      return
    default: {
      const index = caseOf(type, value)
      storeUnsigned(scope, at, tagBytes, index)
      const payload = type.cases[index]?.[1]
      if (payload !== undefined)
        store(scope, payload, (value as Case).value, at + (offsets[0] ?? 0))
    }
  }
}

function storePrimitive(
  scope: LowerScope,
  type: Extract<ValueType, { readonly kind: 'primitive' }>,
  value: Value,
  at: number,
): void {
  const name = type.of
  if (name === 'string') {
    storePair(scope, at, textIn(scope, value as string | Uint8Array))
    return
  }
  if (name === ERROR_CONTEXT) {
    viewOf(scope).setUint32(at, scope.handles.add(name, value as Representation), true)
    return
  }
  const core = coreOf(name, value)
  const view = viewOf(scope)
  if (name === 'f32') view.setFloat32(at, Number(core), true)
  else if (name === 'f64') view.setFloat64(at, Number(core), true)
  else if (typeof core === 'bigint') view.setBigUint64(at, BigInt.asUintN(64, core), true)
  else storeUnsigned(scope, at, layoutOf(type).size, core)
}

function coreOf(name: string, value: Value): Core {
  if (name === 'bool') return value === true ? 1 : 0
  if (name === 'char') return (value as string).codePointAt(0) ?? 0
  return value as Core
}

/** Where a string or a list is, and how long. */
type Pair = readonly [pointer: number, length: number]

function storePair(scope: LowerScope, at: number, [pointer, length]: Pair): void {
  const view = viewOf(scope)
  view.setUint32(at, pointer, true)
  view.setUint32(at + 4, length, true)
}

/** Text in UTF-8 may be bytes. */
function textIn(scope: LowerScope, value: string | Uint8Array): Pair {
  const isUtf8 = scope.encoding === 'utf8'
  if (isUtf8 && typeof value === 'string') {
    const isByByte = isShortAscii(value)
    const length = isByByte ? value.length : Buffer.byteLength(value)
    scope.charge(BLOCK_WORK + length)
    const pointer = allocate(scope, 1, length)
    if (length === 0) return [pointer, 0]
    const contents = contentsOf(scope)
    if (isByByte) for (let at = 0; at < length; at++) contents[pointer + at] = value.charCodeAt(at)
    else contents.write(value, pointer, 'utf8')
    return [pointer, length]
  }
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf16le') : value
  const pointer = copyIn(scope, bytes, isUtf8 ? 1 : 2)
  const units = isUtf8 ? bytes.length : bytes.length / 2
  return [pointer, scope.encoding === 'latin1+utf16' ? units + 0x8000_0000 : units]
}

/** Written faster byte by byte than by a call. */
function isShortAscii(text: string): boolean {
  if (text.length > CALL_CHARS) return false
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

/** Numbers may be the bytes that they are. */
type Listed = readonly Value[] | Uint8Array | TextPairs

function listIn(scope: LowerScope, element: ValueType, values: Listed): Pair {
  if (values instanceof TextPairs) return textPairsIn(scope, element, values)
  const { size, alignment } = layoutOf(element)
  if (values instanceof Uint8Array) return [copyIn(scope, values, alignment), values.length / size]
  scope.charge(BLOCK_WORK)
  const pointer = allocate(scope, alignment, values.length * size)
  storeItems(scope, element, { items: values, at: pointer })
  return [pointer, values.length]
}

/** As of a list of tuples of strings, without either. */
function textPairsIn(
  scope: LowerScope,
  element: ValueType,
  { bytes, starts, ends }: TextPairs,
): Pair {
  const { size, alignment, parts } = layoutOf(element)
  const count = ends.length / 2
  if (size !== 2 * PAIR_BYTES) throw new Error('Cannot lower pairs of texts: wanted two of each')
  if (scope.encoding !== 'utf8') {
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    const texts = ends.map((end, index) => all.toString('latin1', starts[index], end))
    const pairs = Array.from({ length: count }, (_, at) => texts.slice(2 * at, 2 * at + 2))
    return listIn(scope, element, pairs)
  }
  scope.charge(BLOCK_WORK + count * parts * VALUE_WORK)
  const pointer = allocate(scope, alignment, count * size)
  for (let index = 0; index < ends.length; index++) {
    const start = starts[index] ?? 0
    const length = (ends[index] ?? 0) - start
    scope.charge(BLOCK_WORK + length)
    const at = allocate(scope, 1, length)
    const contents = contentsOf(scope)
    if (length > CALL_BYTES) contents.set(bytes.subarray(start, start + length), at)
    else for (let next = 0; next < length; next++) contents[at + next] = bytes[start + next] ?? 0
    const view = viewOf(scope)
    const place = pointer + index * PAIR_BYTES
    view.setUint32(place, at, true)
    view.setUint32(place + 4, length, true)
  }
  return [pointer, count]
}

/** Into memory that is there, one after the other. */
export function storeItems(
  scope: LowerScope,
  element: ValueType,
  { items, at }: { readonly items: Items; readonly at: number },
): void {
  if (items instanceof Uint8Array) {
    scope.charge(items.length)
    contentsOf(scope).set(items, at)
    return
  }
  const { size, parts } = layoutOf(element)
  scope.charge(items.length * parts * VALUE_WORK)
  for (const [index, value] of items.entries()) store(scope, element, value, at + index * size)
}

function copyIn(scope: LowerScope, bytes: Uint8Array, alignment: number): number {
  scope.charge(BLOCK_WORK + bytes.length)
  const pointer = allocate(scope, alignment, bytes.length)
  contentsOf(scope).set(bytes, pointer)
  return pointer
}

function allocate(scope: LowerScope, alignment: number, bytes: number): number {
  const pointer = scope.allocate(alignment, bytes) >>> 0
  checkRange(scope, { at: pointer, bytes, alignment })
  return pointer
}

/** Which case of its type a value is of. */
function caseOf(type: Extract<ValueType, { readonly cases: unknown }>, value: Value): number {
  const name = type.kind === 'enum' ? (value as string) : (value as Case).tag
  const index = layoutOf(type).cases.get(name)
  if (index === undefined)
    throw new Error(`Cannot lower a value: found the case ${name}, wanted one of its type`)
  return index
}

function storeUnsigned(scope: LowerScope, at: number, size: number, value: number): void {
  const view = viewOf(scope)
  if (size === 1) view.setUint8(at, value)
  else if (size === 2) view.setUint16(at, value, true)
  else view.setUint32(at, value, true)
}
