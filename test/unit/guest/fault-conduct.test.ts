/** Who spends a slice on page faults is watched for a while, and for longer while it goes on. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import {
  FaultConduct,
  MANY_FAULTS,
  SOME_FAULTS,
  WATCHED_MS,
} from '../../../src/guest/fault-conduct.ts'

function conductAt(): { conduct: FaultConduct; pass(ms: number): void } {
  let nowMs = 0
  const conduct = new FaultConduct({ ...systemClock, nowMs: () => nowMs })
  return {
    conduct,
    pass: (ms) => {
      nowMs += ms
    },
  }
}

test('nobody is watched for what every guest does', () => {
  const { conduct } = conductAt()
  for (let slice = 0; slice < 100; slice += 1) conduct.note(MANY_FAULTS - 1)
  expect(conduct.isWatched).toBe(false)
})

test('a system that does not count them watches nobody', () => {
  const { conduct } = conductAt()
  conduct.note(Number.NaN)
  expect(conduct.isWatched).toBe(false)
})

test('many page faults in one slice are remembered for a while', () => {
  const { conduct, pass } = conductAt()
  conduct.note(MANY_FAULTS)
  expect(conduct.isWatched).toBe(true)
  pass(WATCHED_MS - 1)
  conduct.note(SOME_FAULTS - 1)
  expect(conduct.isWatched).toBe(true)
  pass(1)
  expect(conduct.isWatched).toBe(false)
})

test('while it is watched, some are enough', () => {
  const { conduct, pass } = conductAt()
  conduct.note(MANY_FAULTS)
  pass(WATCHED_MS - 1)
  conduct.note(SOME_FAULTS)
  pass(WATCHED_MS - 1)
  expect(conduct.isWatched).toBe(true)
})
