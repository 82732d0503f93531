/** Maximum sizes for a module's memories and tables, so that all of them together stay within a cap. */
import { WasmError, type WasmErrorCode } from './errors.ts'
import type { Limited } from './module.ts'

/** The unit of memory sizes. */
export const PAGE_BYTES = 65_536

export interface SizeCap {
  /** Pages or elements that all of them together may have. */
  readonly total: number
  readonly what: string
  readonly code: WasmErrorCode
}

/**
 * The maximum for each of `items`; undefined for imported ones, whose size is whoever provides them's to bound.
 * Each keeps its declared maximum where the sum of all allows it; what is left goes to the first first, for compilers put
 * the memory that grows there. Throws when the minimums alone are over the cap.
 */
export function capSizes(items: readonly Limited[], cap: SizeCap): (number | undefined)[] {
  const own = items.filter(({ imported }) => !imported)
  const minimums = own.reduce((sum, { minimum }) => sum + minimum, 0)
  if (minimums > cap.total) {
    throw new WasmError(
      cap.code,
      `Cannot harden WebAssembly module: ${cap.what} begin with ${minimums}, wanted at most ${cap.total}`,
      { details: { actual: minimums, wanted: cap.total } },
    )
  }
  let left = cap.total - minimums
  return items.map(({ imported, minimum, maximum }) => {
    if (imported) return undefined
    const growth = Math.min(left, Math.max((maximum ?? cap.total) - minimum, 0))
    left -= growth
    return minimum + growth
  })
}
