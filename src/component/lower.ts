/** Gives values to a guest: as core values and in its memory (canonical ABI: `store`, `lower_flat`). What they are is the host's say. */
import type { HandleTable, Representation } from './handle-table.ts'
import { type Core, ELEMENT_WORK } from './lift.ts'
import { checkRange, viewOf } from './memory-range.ts'
import type { ValueType } from './plan.ts'
import { layoutOf } from './type-layout.ts'
import type { Case, Value } from './value.ts'

export interface LowerScope {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16'
  readonly memory: WebAssembly.Memory | undefined
  readonly handles: HandleTable
  /** The guest's own: gives memory of so many bytes. */
  readonly allocate: (alignment: number, bytes: number) => number
  /** As of `LiftScope`. */
  readonly charge: (work: number) => void
}

/** As one core value: only for types that are one. */
export function lowerFlat(scope: LowerScope, type: ValueType, value: Value): Core {
  switch (type.kind) {
    case 'primitive':
      return coreOf(type.of, value)
    case 'own':
    case 'borrow':
      return scope.handles.add(type.resource, value as Representation)
    case 'flags':
      return value as number
    case 'record':
    case 'tuple':
      return lowerFlat(
        scope,
        (type.fields[0] as (typeof type.fields)[0])[1],
        (value as readonly Value[])[0],
      )
    case 'list':
      throw new Error('Cannot lower a list as one core value: wanted memory for it')
    default:
      return caseIndex(type.cases, type.kind === 'enum' ? (value as string) : (value as Case).tag)
  }
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
  store(scope, type, value, at)
}

function store(scope: LowerScope, type: ValueType, value: Value, at: number): void {
  const { size, offsets, tagBytes } = layoutOf(type)
  switch (type.kind) {
    case 'primitive':
      storePrimitive(scope, type.of, value, at)
      return
    case 'list':
      storeList(scope, type.element, value as readonly Value[] | Uint8Array, at)
      return
    case 'own':
    case 'borrow':
      viewOf(scope).setUint32(at, scope.handles.add(type.resource, value as Representation), true)
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
      const name = type.kind === 'enum' ? (value as string) : (value as Case).tag
      const index = caseIndex(type.cases, name)
      storeUnsigned(scope, at, tagBytes, index)
      const payload = type.cases[index]?.[1]
      if (payload !== undefined)
        store(scope, payload, (value as Case).value, at + (offsets[0] ?? 0))
    }
  }
}

function storePrimitive(scope: LowerScope, name: string, value: Value, at: number): void {
  if (name === 'string') {
    storeText(scope, value as string, at)
    return
  }
  const core = coreOf(name, value)
  const view = viewOf(scope)
  if (name === 'f32') view.setFloat32(at, Number(core), true)
  else if (name === 'f64') view.setFloat64(at, Number(core), true)
  else if (typeof core === 'bigint') view.setBigUint64(at, BigInt.asUintN(64, core), true)
  else storeUnsigned(scope, at, layoutOf({ kind: 'primitive', of: name }).size, core)
}

function coreOf(name: string, value: Value): Core {
  if (name === 'bool') return value === true ? 1 : 0
  if (name === 'char') return (value as string).codePointAt(0) ?? 0
  return value as Core
}

function storeText(scope: LowerScope, value: string, at: number): void {
  const isUtf8 = scope.encoding === 'utf8'
  const bytes = Buffer.from(value, isUtf8 ? 'utf8' : 'utf16le')
  const pointer = copyIn(scope, bytes, isUtf8 ? 1 : 2)
  const units = isUtf8 ? bytes.length : bytes.length / 2
  const view = viewOf(scope)
  view.setUint32(at, pointer, true)
  view.setUint32(at + 4, scope.encoding === 'latin1+utf16' ? units + 0x8000_0000 : units, true)
}

function storeList(
  scope: LowerScope,
  element: ValueType,
  values: readonly Value[] | Uint8Array,
  at: number,
): void {
  const { size, alignment } = layoutOf(element)
  let pointer: number
  if (values instanceof Uint8Array) pointer = copyIn(scope, values, 1)
  else {
    scope.charge(values.length * ELEMENT_WORK)
    pointer = allocate(scope, alignment, values.length * size)
    for (const [index, value] of values.entries())
      store(scope, element, value, pointer + index * size)
  }
  const view = viewOf(scope)
  view.setUint32(at, pointer, true)
  view.setUint32(at + 4, values.length, true)
}

function copyIn(scope: LowerScope, bytes: Uint8Array, alignment: number): number {
  scope.charge(bytes.length)
  const pointer = allocate(scope, alignment, bytes.length)
  new Uint8Array(viewOf(scope).buffer).set(bytes, pointer)
  return pointer
}

function allocate(scope: LowerScope, alignment: number, bytes: number): number {
  const pointer = scope.allocate(alignment, bytes) >>> 0
  checkRange(scope, { at: pointer, bytes, alignment })
  return pointer
}

function caseIndex(cases: ReadonlyArray<readonly [string, unknown]>, name: string): number {
  const index = cases.findIndex(([own]) => own === name)
  if (index < 0)
    throw new Error(`Cannot lower a value: found the case ${name}, wanted one of its type`)
  return index
}

function storeUnsigned(scope: LowerScope, at: number, size: number, value: number): void {
  const view = viewOf(scope)
  if (size === 1) view.setUint8(at, value)
  else if (size === 2) view.setUint16(at, value, true)
  else view.setUint32(at, value, true)
}
