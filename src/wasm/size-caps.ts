/** Maximum sizes for a module's memories and tables, so that all of them together stay within a cap. */
import { WasmError, type WasmErrorCode } from './errors.ts'
import type { Limited } from './wasm-module.ts'

/** The unit of memory sizes. */
export const PAGE_BYTES = 65_536

export interface SizeCap {
  /** Pages or elements that all of them together may have. */
  readonly total: number
  /** By how many all of them together may grow. Default: as far as `total` goes. */
  readonly growth?: number | undefined
  readonly what: string
  readonly code: WasmErrorCode
}

/**
 * The maximum for each of `items`; undefined for imported ones, whose size is whoever provides them's to bound.
 * Those with a maximum of their own keep it as far as the cap allows, first come first served; what is left is shared
 * equally by those without. Throws when the minimums alone are over the cap.
 */
export function capSizes(items: readonly Limited[], cap: SizeCap): (number | undefined)[] {
  const own = items.filter(({ imported }) => !imported)
  const minimums = own.reduce((sum, { minimum }) => sum + minimum, 0)
  if (minimums > cap.total) {
    throw new WasmError(
      cap.code,
      {
        doing: 'harden',
        problem: `${cap.what} begin with ${minimums}, wanted at most ${cap.total}`,
      },
      { details: { actual: minimums, wanted: cap.total } },
    )
  }
  let left = Math.min(cap.total - minimums, cap.growth ?? Number.POSITIVE_INFINITY)
  const growth = new Map<Limited, number>()
  for (const item of own) {
    if (item.maximum === undefined) continue
    const granted = Math.min(left, item.maximum - item.minimum)
    growth.set(item, granted)
    left -= granted
  }
  const share = Math.floor(left / Math.max(own.length - growth.size, 1))
  return items.map((item) =>
    item.imported ? undefined : item.minimum + (growth.get(item) ?? share),
  )
}
