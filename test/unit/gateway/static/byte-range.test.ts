import { expect, test } from 'vitest'
import { chooseRanges, MAX_RANGES } from '../../../../src/gateway/static/byte-range.ts'

/** Ranges as `start-end`, the end not in it. */
const CASES: ReadonlyArray<readonly [field: string, size: number, choice: string]> = [
  ['bytes=0-0', 100, '0-1'],
  ['bytes=0-99', 100, '0-100'],
  ['bytes=0-100', 100, '0-100'],
  ['bytes=10-19', 100, '10-20'],
  ['bytes=90-', 100, '90-100'],
  ['bytes=0-', 100, '0-100'],
  ['bytes=99-', 100, '99-100'],
  ['bytes=-1', 100, '99-100'],
  ['bytes=-100', 100, '0-100'],
  ['bytes=-500', 100, '0-100'],
  ['bytes=0-99999999999999999999999', 100, '0-100'],
  [`bytes=0-${'9'.repeat(400)}`, 100, '0-100'],
  [`bytes=-${'9'.repeat(400)}`, 100, '0-100'],
  ['BYTES=0-0', 100, '0-1'],
  ['bytes =0-0', 100, '0-1'],
  ['bytes= 0-0', 100, '0-1'],
  // several
  ['bytes=0-0,-1', 100, '0-1 99-100'],
  ['bytes=0-0, 50-59\t,\t-1', 100, '0-1 50-60 99-100'],
  ['bytes=90-99,0-9', 100, '90-100 0-10'],
  ['bytes=,,0-0,,', 100, '0-1'],
  ['bytes=0-9,200-', 100, '0-10'],
  ['bytes=0-9,0-9', 100, '0-10 0-10'],
  ['bytes=0-49,50-99', 100, '0-50 50-100'],
  // more than the whole
  ['bytes=0-50,50-99', 100, 'all'],
  ['bytes=0-,0-', 100, 'all'],
  // nothing of it is there
  ['bytes=100-', 100, 'none'],
  ['bytes=100-200,300-', 100, 'none'],
  ['bytes=-0', 100, 'none'],
  [`bytes=${'9'.repeat(400)}-`, 100, 'none'],
  ['bytes=0-', 0, 'none'],
  ['bytes=0-0', 0, 'none'],
  ['bytes=-0', 0, 'none'],
  // of nothing, the last bytes
  ['bytes=-5', 0, 'all'],
  ['bytes=-5,-6', 0, 'all'],
  // not understood
  ['bytes=', 100, 'all'],
  ['bytes=,', 100, 'all'],
  ['bytes', 100, 'all'],
  ['', 100, 'all'],
  ['bytes=-', 100, 'all'],
  ['bytes=1', 100, 'all'],
  ['bytes=5-4', 100, 'all'],
  ['bytes=0-9,5-4', 100, 'all'],
  ['bytes=200-100', 100, 'all'],
  ['bytes=0 - 9', 100, 'all'],
  ['bytes=0-9;10-19', 100, 'all'],
  ['bytes=0x0-9', 100, 'all'],
  ['bytes=+0-9', 100, 'all'],
  ['bytes=--1', 100, 'all'],
  ['bytes=1.5-2', 100, 'all'],
  ['lines=0-9', 100, 'all'],
  ['bytes=0-9,x', 100, 'all'],
]

for (const [field, size, choice] of CASES) {
  test(`Range: ${field.slice(0, 40)} of ${size}`, () => expect(show(field, size)).toBe(choice))
}

test('so many and no more', () => {
  const ranges = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, at) => `${at}-${at}`)}`
  expect(show(ranges(MAX_RANGES), 100).split(' ')).toHaveLength(MAX_RANGES)
  expect(show(ranges(MAX_RANGES + 1), 100)).toBe('all')
  expect(show(`bytes=0-0${','.repeat(100_000)}`, 100)).toBe('all')
  expect(show(`bytes=0-0${' '.repeat(200_000)}x`, 100)).toBe('all')
})

function show(field: string, size: number): string {
  const choice = chooseRanges(field, size)
  return typeof choice === 'string'
    ? choice
    : choice.map(({ start, end }) => `${start}-${end}`).join(' ')
}
