/** Sizes and durations as operators write them. */

const SIZE_UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['k', 1024],
  ['kib', 1024],
  ['m', 1024 ** 2],
  ['mib', 1024 ** 2],
  ['g', 1024 ** 3],
  ['gib', 1024 ** 3],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
])

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/**
 * Bytes of `"64MiB"`, `"8k"` (1,024 each, as php.ini has it), `"64MB"` (1,000 each) or a whole number. Undefined for
 * anything else, a fraction of a byte and numbers beyond 2^53 included.
 */
export function parseSize(value: unknown): number | undefined {
  return parseUnit(typeof value === 'number' ? String(value) : value, SIZE_UNITS)
}

/**
 * Milliseconds of `"500ms"`, `"10s"`, `"1.5m"`, `"1h"`, `"1d"`. A bare number is undefined (seconds or milliseconds?),
 * 0 excepted, and so is a part of a millisecond.
 */
export function parseDuration(value: unknown): number | undefined {
  if (value === 0 || value === '0') return 0
  return parseUnit(value, DURATION_UNITS_MS)
}

function parseUnit(value: unknown, units: ReadonlyMap<string, number>): number | undefined {
  if (typeof value !== 'string') return undefined
  const match = /^([0-9]{1,16}(?:\.[0-9]{1,6})?) ?([A-Za-z]*)$/.exec(value)
  const unit = units.get((match?.[2] ?? '').toLowerCase())
  if (match === null || unit === undefined) return undefined
  const amount = Number(match[1]) * unit
  return Number.isSafeInteger(amount) ? amount : undefined
}
