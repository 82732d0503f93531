/** How messages write a function's type: `(i32, i64) -> i32`. */
import { ByteReader } from './byte-reader.ts'
import { skipValueType } from './value-types.ts'
import type { FunctionType, Span, WasmModule } from './wasm-module.ts'

const NAMES: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
}

/** Types are as long as a module likes. Of a component's functions none has more: 16, and where what is answered goes. */
const MOST_VALUES = 17

/** Of function `index`, imported ones first. */
export function signatureOf(module: WasmModule, index: number): string {
  const type = module.types[module.functionTypes[index] ?? 0]
  return type === undefined ? '?' : describe(module.bytes, type)
}

function describe(bytes: Uint8Array, type: FunctionType): string {
  const results = valueNames(bytes, type.resultSpan)
  const shown = results.length === 1 ? results[0] : `(${results.join(', ')})`
  const signature = `(${valueNames(bytes, type.parameterSpan).join(', ')}) -> ${shown}`
  return type.isPlain ? signature : `${signature} of a declared type (sub or rec)`
}

function valueNames(bytes: Uint8Array, { start, end }: Span): string[] {
  const reader = new ByteReader(bytes, start, end)
  const names: string[] = []
  while (reader.pos < end) {
    if (names.length === MOST_VALUES) return [...names, '...']
    names.push(NAMES[skipValueType(reader)] ?? 'a reference')
  }
  return names
}
