/** Takes values out of a guest: from core values and from its memory (canonical ABI: `load`, `lift_flat`). */
import { isUtf8 } from 'node:buffer'
import type { Items } from './channel.ts'
import { takeReadable } from './channel-end.ts'
import { ERROR_CONTEXT } from './error-context.ts'
import { fault } from './guest-fault.ts'
import type { Handle, HandleTable } from './handle-table.ts'
import type { LiftBounds } from './lift-bounds.ts'
import { checkRange, viewOf, type WithMemory } from './memory-range.ts'
import type { ValueType } from './plan.ts'
import { type CoreType, isNumber, layoutOf, layoutOfFields, partsOf } from './type-layout.ts'
import type { Value } from './value.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const UTF16 = new TextDecoder('utf-16le', { fatal: true, ignoreBOM: true })
/** Bit of a length in latin1+utf16: it is UTF-16. */
const UTF16_TAG = 0x8000_0000

export type Core = number | bigint

export interface LiftScope extends WithMemory {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  readonly handles: HandleTable
  readonly bounds: LiftBounds
  /** What is lent to the call. */
  readonly lent: Handle[]
  /** Bytes of strings and lists so far. */
  lifted: number
  /** Told of work before it is done, in nanoseconds, about. */
  readonly charge: (work: number) => void
}

/** What it takes to lift or lower one value, those in it not counted, in nanoseconds, about. */
export const VALUE_WORK = 150
/** What it takes more where there is memory of its own: a string or a list, before its bytes and elements are counted. */
export const BLOCK_WORK = 300

/** Lifts parameters from a call's core values. */
export function liftFlat(
  scope: LiftScope,
  types: readonly ValueType[],
  cores: readonly Core[],
): Value[] {
  scope.charge(partsOf(types) * VALUE_WORK)
  const source = new FlatSource(cores)
  return types.map((type) => liftFrom(scope, type, source))
}

/** Lifts values that lie in memory one after the other. */
export function liftFields(
  scope: LiftScope,
  types: readonly ValueType[],
  pointer: number,
): Value[] {
  const { size, alignment, offsets } = layoutOfFields(types)
  const at = pointer >>> 0
  checkRange(scope, { at, bytes: size, alignment })
  scope.charge(partsOf(types) * VALUE_WORK)
  return types.map((type, index) => load(scope, type, at + (offsets[index] ?? 0)))
}

/** Lifts what is copied out of a stream or a future, as a list of the same would be. */
export function liftItems(
  scope: LiftScope,
  element: ValueType,
  { pointer, length }: { readonly pointer: number; readonly length: number },
): Items {
  return list(scope, element, pointer, length)
}

class FlatSource {
  readonly #cores: readonly Core[]
  #next = 0

  constructor(cores: readonly Core[]) {
    this.#cores = cores
  }

  i32(): number {
    return Number(BigInt.asUintN(32, BigInt(this.next())))
  }

  next(): Core {
    return this.#cores[this.#next++] ?? 0
  }

  skip(count: number): void {
    this.#next += count
  }
}

function liftFrom(scope: LiftScope, type: ValueType, source: FlatSource): Value {
  switch (type.kind) {
    case 'primitive':
      if (type.of === 'string') return text(scope, source.i32(), source.i32())
      if (type.of === ERROR_CONTEXT) return errorContext(scope, source.i32())
      if (type.of === 'f32' || type.of === 'f64') return Number(source.next())
      if (type.of === 'u64') return BigInt.asUintN(64, BigInt(source.next()))
      if (type.of === 's64') return BigInt.asIntN(64, BigInt(source.next()))
      return small(type.of, source.i32())
    case 'list':
      return list(scope, type.element, source.i32(), source.i32())
    case 'own':
    case 'borrow':
      return handle(scope, type, source.i32())
    case 'stream':
    case 'future':
      return takeReadable(scope.handles, type, source.i32())
    case 'flags':
      return flags(type.names.length, source.i32())
    case 'record':
    case 'tuple':
      return type.fields.map(([, field]) => liftFrom(scope, field, source))
    default: {
      const [name, payload] = caseAt(type.cases, source.i32())
      const { flat } = layoutOf(type)
      if (payload === undefined) {
        source.skip(flat.length - 1)
        return type.kind === 'enum' ? name : { tag: name, value: undefined }
      }
      const own = layoutOf(payload).flat
      const cores = own.map((core, index) => narrowed(source.next(), flat[index + 1], core))
      source.skip(flat.length - 1 - own.length)
      return { tag: name, value: liftFrom(scope, payload, new FlatSource(cores)) }
    }
  }
}

const bits = new DataView(new ArrayBuffer(8))

/** A payload's core value out of one that holds any case's. */
function narrowed(value: Core, held: CoreType | undefined, wanted: CoreType): Core {
  if (held === wanted || wanted === 'i64') return value
  bits.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true)
  if (wanted === 'f32') return bits.getFloat32(0, true)
  return wanted === 'f64' ? bits.getFloat64(0, true) : bits.getUint32(0, true)
}

function load(scope: LiftScope, type: ValueType, at: number): Value {
  switch (type.kind) {
    case 'primitive':
      return loadPrimitive(scope, type, at)
    case 'list':
      return list(scope, type.element, u32(scope, at), u32(scope, at + 4))
    case 'own':
    case 'borrow':
      return handle(scope, type, u32(scope, at))
    case 'stream':
    case 'future':
      return takeReadable(scope.handles, type, u32(scope, at))
    case 'flags':
      return flags(type.names.length, loadUnsigned(scope, at, layoutOf(type).size))
    case 'record':
    case 'tuple': {
      const { offsets } = layoutOf(type)
      return type.fields.map(([, field], index) => load(scope, field, at + (offsets[index] ?? 0)))
    }
    default: {
      const { tagBytes, offsets } = layoutOf(type)
      const [name, payload] = caseAt(type.cases, loadUnsigned(scope, at, tagBytes))
      if (type.kind === 'enum') return name
      const value = payload === undefined ? undefined : load(scope, payload, at + (offsets[0] ?? 0))
      return { tag: name, value }
    }
  }
}

type Primitive = Extract<ValueType, { readonly kind: 'primitive' }>

function loadPrimitive(scope: LiftScope, type: Primitive, at: number): Value {
  const view = viewOf(scope)
  switch (type.of) {
    case 'string':
      return text(scope, u32(scope, at), u32(scope, at + 4))
    case ERROR_CONTEXT:
      return errorContext(scope, u32(scope, at))
    case 'u64':
      return view.getBigUint64(at, true)
    case 's64':
      return view.getBigInt64(at, true)
    case 'f32':
      return view.getFloat32(at, true)
    case 'f64':
      return view.getFloat64(at, true)
    default:
      return small(type.of, loadUnsigned(scope, at, layoutOf(type).size))
  }
}

/** A number of 32 bits or fewer, a truth value or a character. */
function small(name: string, value: number): Value {
  switch (name) {
    case 'bool':
      return value !== 0
    case 'u8':
      return value & 0xff
    case 's8':
      return (value << 24) >> 24
    case 'u16':
      return value & 0xffff
    case 's16':
      return (value << 16) >> 16
    case 's32':
      return value | 0
    case 'char':
      if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        throw fault(`no character ${value}`)
      return String.fromCodePoint(value)
    default:
      return value >>> 0
  }
}

function flags(count: number, value: number): number {
  return count === 32 ? value >>> 0 : value & ((1 << count) - 1)
}

function caseAt<Entry>(cases: readonly Entry[], index: number): Entry {
  const found = cases[index]
  if (found === undefined) throw fault(`no case ${index}`)
  return found
}

function handle(
  { handles, lent, bounds }: LiftScope,
  { kind, resource }: { readonly kind: 'own' | 'borrow'; readonly resource: string },
  index: number,
): Value {
  if (kind === 'own')
    return bounds.isMoved ? handles.move(index, resource) : handles.take(index, resource)
  const found = handles.get(index, resource)
  found.lends += 1
  lent.push(found)
  return found.representation
}

/** Whoever gives it away has it, too. */
function errorContext({ handles }: LiftScope, index: number): Value {
  return handles.get(index, ERROR_CONTEXT).representation
}

function list(scope: LiftScope, element: ValueType, pointer: number, length: number): Items {
  const { size, alignment, parts } = layoutOf(element)
  const { listElements, elementBytes, keepsNumbers } = scope.bounds
  if (isNumber(element) && (keepsNumbers || element.of === 'u8'))
    return bytesOf(scope, { at: pointer, bytes: length * size, alignment })
  if (length > listElements)
    throw fault(`a list has ${length} elements, wanted at most ${listElements}`)
  checkRange(scope, { at: pointer, bytes: length * size, alignment })
  weigh(scope, length * parts * elementBytes)
  scope.charge(BLOCK_WORK + length * parts * VALUE_WORK)
  return Array.from({ length }, (_, index) => load(scope, element, pointer + index * size))
}

function bytesOf(
  scope: LiftScope,
  range: { readonly at: number; readonly bytes: number; readonly alignment: number },
): Uint8Array {
  const { at, bytes } = range
  checkRange(scope, range)
  weigh(scope, bytes)
  scope.charge(BLOCK_WORK + bytes)
  return bytes === 0 ? new Uint8Array(0) : new Uint8Array(viewOf(scope).buffer, at, bytes).slice()
}

function text(scope: LiftScope, pointer: number, length: number): string | Uint8Array {
  const isTagged = scope.encoding === 'latin1+utf16' && length >= UTF16_TAG
  const isWide = scope.encoding === 'utf16' || isTagged
  const count = isTagged ? length - UTF16_TAG : length
  const bytes = isWide ? count * 2 : count
  const { stringBytes, keepsText } = scope.bounds
  if (bytes > stringBytes) throw fault(`a string has ${bytes} bytes, wanted at most ${stringBytes}`)
  checkRange(scope, { at: pointer, bytes, alignment: scope.encoding === 'utf8' ? 1 : 2 })
  if (bytes === 0) return ''
  weigh(scope, bytes)
  scope.charge(BLOCK_WORK + bytes * 2)
  const from = new Uint8Array(viewOf(scope).buffer, pointer, bytes)
  if (!isWide && scope.encoding === 'latin1+utf16') return Buffer.from(from).toString('latin1')
  if (keepsText && !isWide) {
    if (!isUtf8(from)) throw fault('a string is not in its encoding')
    return from.slice()
  }
  try {
    return (isWide ? UTF16 : UTF8).decode(from)
  } catch {
    throw fault('a string is not in its encoding')
  }
}

/** The same bytes of the guest's may be told of again and again. */
function weigh(scope: LiftScope, bytes: number): void {
  scope.lifted += bytes
  const { liftedBytes } = scope.bounds
  if (scope.lifted > liftedBytes) throw fault(`a call is given more than ${liftedBytes} bytes`)
}

function loadUnsigned(scope: LiftScope, at: number, size: number): number {
  const view = viewOf(scope)
  if (size === 1) return view.getUint8(at)
  return size === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
}

function u32(scope: LiftScope, at: number): number {
  return viewOf(scope).getUint32(at, true)
}
