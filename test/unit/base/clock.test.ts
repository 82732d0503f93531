/** Timers of the machine's clock: those, too, that are further away than one of Node's can be. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'

const DAY_MS = 24 * 3_600_000
/** The 24th day's end is before the longest delay of Node's, which is half a day more. */
const DAYS = [0.5, 24, 25, 30, 365]

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test.each(DAYS)('after %d days, once, and not before', (days) => {
  const called = vi.fn<() => void>()
  systemClock.after(days * DAY_MS, called)
  vi.advanceTimersByTime(days * DAY_MS - 1)
  expect(called).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(called).toHaveBeenCalledOnce()
  vi.advanceTimersByTime(400 * DAY_MS)
  expect(called).toHaveBeenCalledOnce()
})

test.each(DAYS)('one of %d days that is cancelled never calls', (days) => {
  const called = vi.fn<() => void>()
  const timer = systemClock.after(days * DAY_MS, called)
  vi.advanceTimersByTime(days * DAY_MS - 1)
  timer.cancel()
  timer.cancel()
  vi.advanceTimersByTime(400 * DAY_MS)
  expect(called).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})
