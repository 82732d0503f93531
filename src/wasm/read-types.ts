/** The type section (core spec 5.5.4): function types, alone, in `sub` or in `rec` groups. */
import type { ByteReader } from './byte-reader.ts'
import { wasmErrorAt } from './errors.ts'
import type { ModuleLimits } from './limits.ts'
import { checkLimit } from './limits.ts'
import { holdsExceptions, skipValueType } from './value-types.ts'
import type { FunctionType } from './wasm-module.ts'

const FUNC = 0x60
const SUB_FINAL = 0x4f
const SUB = 0x50
const REC = 0x4e
const STRUCT = 0x5f
const ARRAY = 0x5e
const SHARED = 0x65
/** V8's limit on parameters, and on results. */
const MAX_VALUES = 1_000

/** Reads `count` entries; each adds one type, or several where it is a recursion group. */
export function readTypes(reader: ByteReader, count: number, limits: ModuleLimits): FunctionType[] {
  const types: FunctionType[] = []
  for (let index = 0; index < count; index++) {
    if (reader.bytes[reader.pos] === REC && reader.pos < reader.end) {
      reader.pos++
      const size = reader.u32()
      for (let left = size; left > 0; left--)
        addType(reader, types, { limits, isAlone: size === 1 })
    } else {
      addType(reader, types, { limits, isAlone: true })
    }
  }
  return types
}

function addType(
  reader: ByteReader,
  types: FunctionType[],
  { limits, isAlone }: { readonly limits: ModuleLimits; readonly isAlone: boolean },
): void {
  let isPlain = isAlone
  let at = reader.pos
  let form = reader.byte()
  if (form === SUB || form === SUB_FINAL) {
    const supertypes = reader.u32()
    for (let left = supertypes; left > 0; left--) reader.u32()
    isPlain &&= form === SUB_FINAL && supertypes === 0
    at = reader.pos
    form = reader.byte()
  }
  if (form === STRUCT || form === ARRAY) {
    throw wasmErrorAt('WASM_GC_ALLOCATION', 'struct or array type (GC)', at)
  }
  if (form === SHARED) throw wasmErrorAt('WASM_THREADS', 'shared type', at)
  if (form !== FUNC)
    throw wasmErrorAt('WASM_UNSUPPORTED', `unknown type form 0x${form.toString(16)}`, at)
  const parameters = reader.u32()
  const parametersAt = reader.pos
  const isHolding = skipCounted(reader, parameters)
  const parameterSpan = { start: parametersAt, end: reader.pos }
  const results = reader.u32()
  const start = reader.pos
  skipCounted(reader, results)
  types.push({
    parameters,
    results,
    parameterSpan,
    isPlain,
    resultSpan: { start, end: reader.pos },
    holdsExceptions: isHolding,
  })
  checkLimit(limits, 'types', types.length)
}

/** Steps over `count` value types; true if one of them is an exception reference. */
function skipCounted(reader: ByteReader, count: number): boolean {
  if (count > MAX_VALUES)
    throw wasmErrorAt('WASM_MALFORMED', `${count} values in a type`, reader.pos)
  let found = false
  for (let left = count; left > 0; left--) {
    const start = reader.pos
    skipValueType(reader)
    found ||= holdsExceptions(reader.bytes.subarray(start, start + 2))
  }
  return found
}
