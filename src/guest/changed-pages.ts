/** Which pages of a memory are not as they were: what a snapshot over another one has to hold. */
const SYSTEM_PAGE_BYTES = 4096

export interface Range {
  readonly start: number
  end: number
}

/** Adds the pages of `now` from `start` on that are not as in `before`. */
export function addChanges(
  changed: Range[],
  now: Uint8Array,
  start: number,
  before: Uint8Array,
): void {
  for (let at = 0; at < before.length; at += SYSTEM_PAGE_BYTES) {
    const [from, end] = [start + at, start + at + SYSTEM_PAGE_BYTES]
    const isSame = Buffer.compare(now.subarray(from, end), before.subarray(at, end - start)) === 0
    if (isSame) continue
    const last = changed.at(-1)
    if (last?.end === from) last.end = end
    else changed.push({ start: from, end })
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
