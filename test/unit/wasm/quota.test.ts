/** The quota follows the time between checks: down at once, up step by step, never out of bounds. */
import { expect, test } from 'vitest'
import { DEFAULT_QUOTA } from '../../../src/wasm/contract.ts'
import {
  firstQuota,
  MAX_QUOTA,
  MIN_QUOTA,
  MOST_COLD_BYTES,
  nextQuota,
} from '../../../src/wasm/quota.ts'

test.each([
  { quota: 1_000_000, elapsedMs: 0.1, wanted: 1_000_000 },
  { quota: 1_000_000, elapsedMs: 0.06, wanted: 1_000_000 },
  { quota: 1_000_000, elapsedMs: 0.19, wanted: 1_000_000 },
  { quota: 1_000_000, elapsedMs: 0.4, wanted: 250_000 },
  { quota: 1_000_000, elapsedMs: 10, wanted: MIN_QUOTA },
  { quota: 100_000, elapsedMs: 0.01, wanted: 200_000 },
  { quota: 1_500_000, elapsedMs: 0.01, wanted: MAX_QUOTA },
  { quota: 100_000, elapsedMs: 0, wanted: 200_000 },
])('$quota units in $elapsedMs ms', ({ quota, elapsedMs, wanted }) => {
  expect(nextQuota(quota, elapsedMs)).toBe(wanted)
})

test('the default is within bounds', () => {
  expect(DEFAULT_QUOTA).toBeGreaterThanOrEqual(MIN_QUOTA)
  expect(DEFAULT_QUOTA).toBeLessThanOrEqual(MAX_QUOTA)
})

test('who has much memory begins with the least', () => {
  expect(firstQuota(MOST_COLD_BYTES)).toBe(DEFAULT_QUOTA)
  expect(firstQuota(MOST_COLD_BYTES + 1)).toBe(MIN_QUOTA)
})
