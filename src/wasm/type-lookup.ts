/** The types of functions and blocks, and how many operands they move. */
import type { ByteWriter } from './byte-writer.ts'
import { type InstructionReader, NO_TYPE_INDEX } from './instruction-reader.ts'
import type { TypeAppender } from './type-appender.ts'
import type { FunctionType, WasmModule } from './wasm-module.ts'

export class TypeLookup {
  readonly #module: WasmModule

  constructor(module: WasmModule) {
    this.#module = module
  }

  ofFunction(index: number): FunctionType | undefined {
    const { functionTypes, types } = this.#module
    return types[functionTypes[index] ?? 0]
  }

  /** Parameters and results of function `index`. */
  arityOfFunction(index: number): number {
    return this.arityOfType(this.#module.functionTypes[index] ?? 0)
  }

  arityOfType(index: number): number {
    const type = this.#module.types[index]
    return type === undefined ? 0 : type.parameters + type.results
  }

  /** Of the block that begins at the instruction `reader` has read last. */
  arityOfBlock({ a, b }: InstructionReader): number {
    return a === NO_TYPE_INDEX ? b : this.arityOfType(a)
  }

  /** Writes the type of a block with the results of function `index` and no parameters. */
  writeResults(out: ByteWriter, index: number, added: TypeAppender): void {
    const { bytes, functionTypes } = this.#module
    const type = this.ofFunction(index)
    if (type === undefined || type.results === 0) out.byte(0x40)
    else if (type.results === 1) out.copy(bytes, type.resultSpan.start, type.resultSpan.end)
    else out.s32(added.resultsOnly(functionTypes[index] ?? 0, type))
  }
}
