import { expect, test } from 'vitest'
import { parseDuration, parseSize } from '../../../src/config/units.ts'

const SIZES: ReadonlyArray<readonly [unknown, number | undefined]> = [
  ['64MiB', 67_108_864],
  ['64M', 67_108_864],
  ['64m', 67_108_864],
  ['8k', 8192],
  ['1.5K', 1536],
  ['2 GiB', 2_147_483_648],
  ['1kB', 1000],
  ['1MB', 1_000_000],
  ['12', 12],
  [12, 12],
  [0, 0],
  ['', undefined],
  ['64X', undefined],
  ['-1', undefined],
  [-1, undefined],
  [1.5, undefined],
  ['1.00001k', undefined],
  ['9999999999999999G', undefined],
  ['1e3', undefined],
  [true, undefined],
  [undefined, undefined],
]
for (const [written, bytes] of SIZES) {
  test(`size ${JSON.stringify(written)}`, () => expect(parseSize(written)).toBe(bytes))
}

const DURATIONS: ReadonlyArray<readonly [unknown, number | undefined]> = [
  ['500ms', 500],
  ['10s', 10_000],
  ['0.5s', 500],
  ['1m', 60_000],
  ['1.5h', 5_400_000],
  ['2d', 172_800_000],
  ['0', 0],
  [0, 0],
  [10, undefined],
  ['10', undefined],
  ['10x', undefined],
  ['0.1ms', undefined],
  ['-1s', undefined],
  ['', undefined],
]
for (const [written, ms] of DURATIONS) {
  test(`duration ${JSON.stringify(written)}`, () => expect(parseDuration(written)).toBe(ms))
}
