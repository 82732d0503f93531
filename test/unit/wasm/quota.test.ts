/** The quota follows the time between checks: down at once, up step by step, never out of bounds. */
import { expect, test } from 'vitest'
import { DEFAULT_QUOTA } from '../../../src/wasm/contract.ts'
import { MIN_QUOTA, MOST_COLD_BYTES, maxQuota, nextQuota } from '../../../src/wasm/quota.ts'

const MAX_QUOTA = maxQuota(0)

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
  expect(nextQuota(quota, elapsedMs, MAX_QUOTA)).toBe(wanted)
})

test('the default is within bounds', () => {
  expect(DEFAULT_QUOTA).toBeGreaterThanOrEqual(MIN_QUOTA)
  expect(DEFAULT_QUOTA).toBeLessThanOrEqual(MAX_QUOTA)
})

test('who has much memory is checked often, also from the first time on', () => {
  expect(maxQuota(MOST_COLD_BYTES)).toBe(MAX_QUOTA)
  const most = maxQuota(MOST_COLD_BYTES + 1)
  expect(most).toBe(MIN_QUOTA)
  expect(nextQuota(DEFAULT_QUOTA, 0.1, most)).toBe(MIN_QUOTA)
  expect(nextQuota(MIN_QUOTA, 0.001, most)).toBe(MIN_QUOTA)
})
