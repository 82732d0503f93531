/** Which pages of a memory are not as they were: what a snapshot over another one has to hold. */
const SYSTEM_PAGE_BYTES = 4096

export const ZERO_PAGE: Uint8Array = new Uint8Array(SYSTEM_PAGE_BYTES)

export interface Range {
  readonly start: number
  end: number
}

/** Adds the pages of `now` in `range` that are not as in `before`; undefined: there were zeros. */
export function addChanges(
  changed: Range[],
  now: Uint8Array,
  range: Readonly<Range>,
  before: Uint8Array | undefined,
): void {
  for (let start = range.start; start < range.end; start += SYSTEM_PAGE_BYTES) {
    const end = Math.min(start + SYSTEM_PAGE_BYTES, range.end)
    const was = before?.subarray(start - range.start, end - range.start) ?? ZERO_PAGE
    if (Buffer.compare(now.subarray(start, end), was) === 0) continue
    const last = changed.at(-1)
    if (last?.end === start) last.end = end
    else changed.push({ start, end })
  }
}

/** At most `most` of them, those joined that are closest to each other. */
export function joinRanges(ranges: readonly Range[], most: number): readonly Range[] {
  if (ranges.length <= most) return ranges
  const gaps = ranges.slice(1).map(({ start }, index) => start - (ranges[index]?.end ?? 0))
  const widest = gaps.toSorted((a, b) => b - a)[most - 2] ?? 0
  const result: Range[] = []
  for (const { start, end } of ranges) {
    const last = result.at(-1)
    const isFar = last === undefined || (start - last.end >= widest && result.length < most)
    if (isFar) result.push({ start, end })
    else last.end = end
  }
  return result
}
