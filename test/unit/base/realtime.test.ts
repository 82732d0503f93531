/** Real time when the machine's is set, and when the processor is elsewhere between two looks. */
import { expect, test } from 'vitest'
import { realtimeOf } from '../../../src/base/realtime.ts'

const ORIGIN_MS = 1_700_000_000_000

/** A machine on which 1,000.25 ms have passed. `setByMs`: to its time. `awayMs`: after each look at the whole one. */
function machine() {
  const now = { passedMs: 1000.25, setByMs: 0, awayMs: 0 }
  const tell = realtimeOf({
    originMs: ORIGIN_MS,
    nowMs: () => now.passedMs,
    epochMs: () => {
      // As it is read after a while.
      now.passedMs += now.awayMs
      return Math.floor(ORIGIN_MS + now.passedMs + now.setByMs)
    },
  })
  /** Milliseconds after the origin. */
  return { now, tellMs: () => Number(tell() - BigInt(ORIGIN_MS) * 1_000_000n) / 1e6 }
}

test('it is told in fractions, and goes on', () => {
  const { now, tellMs } = machine()
  expect(tellMs()).toBe(1000.25)
  now.passedMs += 0.5
  expect(tellMs()).toBe(1000.75)
})

const SETTINGS = [
  ['forward, as after a night asleep', 8 * 3600_000],
  ['back', -3600_000],
  ['by a little', 5],
  ['back by a little', -5],
] as const

test.each(SETTINGS)('set %s, it is right at once, and still in fractions', (_, setByMs) => {
  const { now, tellMs } = machine()
  tellMs()
  now.setByMs = setByMs
  const first = tellMs()
  expect(Math.abs(first - (1000.25 + setByMs))).toBeLessThan(3)
  now.passedMs += 0.5
  expect(tellMs() - first).toBeCloseTo(0.5, 3)
})

test('a processor that is elsewhere meanwhile changes nothing', () => {
  const { now, tellMs } = machine()
  now.awayMs = 40
  const told = tellMs()
  expect(told).toBe(1000.25)
  now.awayMs = 0
  expect(tellMs()).toBe(now.passedMs)
})
