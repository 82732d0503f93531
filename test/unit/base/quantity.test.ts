import { expect, test } from 'vitest'
import { printBytes, printMs } from '../../../src/base/quantity.ts'

const BYTES = [
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536, '1.5 KiB'],
  [64 * 1024 * 1024, '64 MiB'],
  [5 * 1024 ** 4, '5.0 TiB'],
] as const

test.for(BYTES)('%i bytes: %s', ([bytes, text]) => {
  expect(printBytes(bytes)).toBe(text)
})

const TIMES = [
  [0, '0.0 ms'],
  [9.96, '10.0 ms'],
  [12.4, '12 ms'],
  [1000, '1.0 s'],
  [59_000, '59 s'],
  [150_000, '3 min'],
  [3 * 3_600_000, '3 h'],
  [72 * 3_600_000, '3 d'],
] as const

test.for(TIMES)('%f ms: %s', ([ms, text]) => {
  expect(printMs(ms)).toBe(text)
})
