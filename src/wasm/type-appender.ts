/** Function types that hardening adds after the module's own. */

import { encodeU32 } from './byte-writer.ts'
import type { FunctionType, WasmModule } from './wasm-module.ts'

export class TypeAppender {
  readonly #module: WasmModule
  readonly #indices = new Map<string, number>()
  /** The encoded types, in index order. */
  readonly added: Uint8Array[] = []

  constructor(module: WasmModule) {
    this.#module = module
  }

  /** The index of the type with these encoded parameter and result types. */
  add(parameters: readonly (readonly number[])[], results: readonly (readonly number[])[]): number {
    const bytes = [0x60, ...encodeU32(parameters.length), ...parameters.flat()]
    bytes.push(...encodeU32(results.length), ...results.flat())
    return this.#index(bytes.join(), Uint8Array.from(bytes))
  }

  /** The index of a type without parameters and with the results of `type`, which is the module's type `index`. */
  resultsOnly(index: number, type: FunctionType): number {
    if (type.parameters === 0) return index
    const results = this.#module.bytes.subarray(type.resultSpan.start, type.resultSpan.end)
    return this.#index(
      `results of ${index}`,
      Uint8Array.from([0x60, 0, ...encodeU32(type.results), ...results]),
    )
  }

  #index(key: string, bytes: Uint8Array): number {
    const known = this.#indices.get(key)
    if (known !== undefined) return known
    const index = this.#module.types.length + this.added.length
    this.added.push(bytes)
    this.#indices.set(key, index)
    return index
  }
}
