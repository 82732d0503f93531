import { expect, test } from 'vitest'
import { afterAwake } from '../../../src/base/awake-timer.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const MINUTE_MS = 60_000

function start(delayMs: number) {
  const clock = new FakeClock()
  let calls = 0
  const timer = afterAwake(clock, delayMs, () => {
    calls += 1
  })
  return { clock, timer, calls: () => calls }
}

test('it passes once, when its time is over', () => {
  const { clock, calls } = start(2500)
  clock.advance(2499)
  expect(calls()).toBe(0)
  clock.advance(1)
  expect(calls()).toBe(1)
  clock.advance(MINUTE_MS)
  expect(calls()).toBe(1)
})

test('an hour in which the machine stands still is a second of it', () => {
  const { clock, calls } = start(MINUTE_MS)
  clock.ns += 3_600_000_000_000n
  clock.advance(0)
  clock.advance(MINUTE_MS - 1001)
  expect(calls()).toBe(0)
  clock.advance(1)
  expect(calls()).toBe(1)
})

test('one that is cancelled never passes', () => {
  const { clock, timer, calls } = start(MINUTE_MS)
  clock.advance(1500)
  timer.cancel()
  clock.advance(MINUTE_MS)
  expect([calls(), clock.pending]).toEqual([0, 0])
})
