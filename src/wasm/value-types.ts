/** Value types, reference types and heap types (core spec 5.3). */
import type { ByteReader } from './byte-reader.ts'
import { wasmErrorAt } from './errors.ts'

export const I32 = 0x7f
const V128 = 0x7b
const EXNREF = 0x69
export const FUNCREF = 0x70
const REF_NULL = 0x63
const REF = 0x64
const LARGEST_TYPE_INDEX = 2 ** 32

/** Numbers and vectors: i32 i64 f32 f64 v128. */
function isNumeric(byte: number): boolean {
  return byte >= V128 && byte <= I32
}

/** nullexn nullfunc nullextern null func extern any eq i31 struct array exn. */
function isAbstractHeapType(byte: number): boolean {
  return byte >= EXNREF && byte <= 0x74
}

/** Steps over a value type. A type index in it must be below `types`; returns the type's first byte. */
export function skipValueType(reader: ByteReader, types: number = LARGEST_TYPE_INDEX): number {
  const at = reader.pos
  const first = reader.byte()
  if (isNumeric(first) || isAbstractHeapType(first)) return first
  if (first === REF_NULL || first === REF) {
    skipHeapType(reader, types)
    return first
  }
  if (first === 0x65) throw wasmErrorAt('WASM_THREADS', 'shared reference type', at)
  throw wasmErrorAt('WASM_UNSUPPORTED', `unknown value type 0x${first.toString(16)}`, at)
}

/** Steps over a heap type; a type index must be below `types`. */
export function skipHeapType(reader: ByteReader, types: number): void {
  const at = reader.pos
  const type = reader.s33()
  if (type < 0) {
    if (type < -64 || !isAbstractHeapType(type + 128)) {
      throw wasmErrorAt('WASM_UNSUPPORTED', `unknown heap type ${type}`, at)
    }
  } else if (type >= types) {
    throw wasmErrorAt('WASM_MALFORMED', `type ${type} of ${types}`, at)
  }
}

/** True for a reference type that exceptions are values of, given the bytes of the type. */
export function holdsExceptions(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes
  return first === EXNREF || ((first === REF_NULL || first === REF) && second === EXNREF)
}
