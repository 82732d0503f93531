/** Branch hints (the `metadata.code.branch_hint` custom section): read, collected per function, written. */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { WasmModule } from './wasm-module.ts'

export const BRANCH_HINT_SECTION = 'metadata.code.branch_hint'

/** Offset and value pairs, in the order of the code, for each of a number of functions. */
export class HintList {
  static readonly UNLIKELY = 0
  static readonly LIKELY = 1
  readonly #start: Int32Array
  readonly #count: Int32Array
  #pairs = new Int32Array(1024)
  #length = 0
  #function = 0

  constructor(functions: number) {
    this.#start = new Int32Array(functions)
    this.#count = new Int32Array(functions)
  }

  /** What is added from now on belongs to defined function `index`. */
  begin(index: number): void {
    this.#function = index
    this.#start[index] = this.#length
  }

  /** `offset`: of the branch, from the start of the function's body. */
  add(offset: number, value: number): void {
    if (this.#length + 2 > this.#pairs.length) {
      const larger = new Int32Array(this.#pairs.length * 2)
      larger.set(this.#pairs)
      this.#pairs = larger
    }
    this.#pairs[this.#length++] = offset
    this.#pairs[this.#length++] = value
    this.#count[this.#function] = (this.#count[this.#function] ?? 0) + 1
  }

  /** The contents of the section, function indices beginning at `firstFunction`; undefined when there are no hints. */
  encode(firstFunction: number): Uint8Array | undefined {
    const functions = this.#count.filter((count) => count > 0).length
    if (functions === 0) return undefined
    const out = new ByteWriter(this.#length * 3 + 64)
    out.name(BRANCH_HINT_SECTION)
    out.u32(functions)
    for (let index = 0; index < this.#count.length; index++) {
      const count = this.#count[index] ?? 0
      if (count === 0) continue
      out.u32(index + firstFunction)
      out.u32(count)
      const start = this.#start[index] ?? 0
      for (let at = start; at < start + count * 2; at += 2) {
        out.u32(this.#pairs[at] ?? 0)
        out.byte(1)
        out.byte(this.#pairs[at + 1] ?? 0)
      }
    }
    return out.view()
  }
}

/** The module's own hints: defined function to pairs of offset and value. A section that makes no sense counts as absent. */
export function readHints(module: WasmModule): Map<number, number[]> {
  const section = module.sections.find(({ name }) => name === BRANCH_HINT_SECTION)
  if (section === undefined) return new Map()
  const reader = new ByteReader(module.bytes, section.contents, section.end)
  const hints = new Map<number, number[]>()
  try {
    for (let functions = reader.u32(); functions > 0; functions--) {
      const index = reader.u32() - module.importedFunctions
      const pairs: number[] = []
      for (let left = reader.u32(); left > 0; left--) {
        const offset = reader.u32()
        if (reader.u32() !== 1) return new Map()
        pairs.push(offset, reader.byte())
      }
      hints.set(index, pairs)
    }
  } catch {
    // Custom sections may hold anything; V8 ignores a broken one too.
    return new Map()
  }
  return hints
}
