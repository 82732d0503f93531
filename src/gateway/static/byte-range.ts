/** The Range field (RFC 9110, section 14), for bytes. */

/** Offsets of bytes; `end` is the first that is not in it. Never empty. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The parts to be sent, in the order asked for. `all`: the field does not count (it cannot be read, is in other units, or asks
 * for more work than the whole is). `none`: no part of it is there (416).
 */
export type RangeChoice = readonly ByteRange[] | 'all' | 'none'

/** Parts of one answer; who asks for more gets the whole. */
export const MAX_RANGES = 32

/** With the empty ones. */
const MAX_ELEMENTS = 4 * MAX_RANGES

const RANGE = /^([0-9]*)-([0-9]*)$/

/** `field`: value of Range. `size`: of the whole, in bytes. */
export function chooseRanges(field: string, size: number): RangeChoice {
  const unit = /^bytes[ \t]*=/i.exec(field)
  if (unit === null) return 'all'
  const elements = field.slice(unit[0].length).split(',', MAX_ELEMENTS)
  if (elements.length === MAX_ELEMENTS) return 'all'
  const ranges: ByteRange[] = []
  let count = 0
  for (const element of elements) {
    const text = element.trim()
    if (text === '') continue // lists may have empty elements (section 5.6.1.2)
    count += 1
    const range = readRange(text, size)
    if (range === undefined || count > MAX_RANGES) return 'all'
    if (range.end > range.start) ranges.push(range)
  }
  if (count === 0) return 'all'
  // The last bytes of nothing are nothing, which no Content-Range can say.
  if (ranges.length === 0) return size === 0 && isSuffixOnly(elements) ? 'all' : 'none'
  // Overlapping parts, or the same part many times: little to ask for, much to send (section 14.2).
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  return bytes > size ? 'all' : ranges
}

/** Empty: it is not there. Undefined: that is no range. */
function readRange(text: string, size: number): ByteRange | undefined {
  const [, first, last] = RANGE.exec(text) ?? []
  if (first === undefined || last === undefined) return undefined
  if (first === '') {
    if (last === '') return undefined
    return { start: Math.max(0, size - Number(last)), end: size }
  }
  const start = Number(first)
  if (last === '') return { start: Math.min(start, size), end: size }
  if (Number(last) < start) return undefined
  return { start: Math.min(start, size), end: Math.min(Number(last) + 1, size) }
}

function isSuffixOnly(elements: readonly string[]): boolean {
  return elements.every((element) => /^(?:-0*[1-9][0-9]*)?$/.test(element.trim()))
}
