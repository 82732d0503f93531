import { expect, test } from 'vitest'
import { WaitBudget } from '../../../src/guest/wait-budget.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** Begins, ends, or lets so many milliseconds pass. */
type Step = 'begin' | 'end' | number

const CASES: ReadonlyArray<{ readonly steps: readonly Step[]; readonly isOver: boolean }> = [
  { steps: ['begin', 99, 'end', 1000], isOver: false },
  { steps: ['begin', 100], isOver: true },
  // All waits together, and nothing in between.
  { steps: ['begin', 60, 'end', 1000, 'begin', 39, 'end'], isOver: false },
  { steps: ['begin', 60, 'end', 1000, 'begin', 40], isOver: true },
  { steps: ['begin', 60, 'begin', 40], isOver: true },
  { steps: ['end', 'begin', 60, 'end', 'end', 'begin', 39], isOver: false },
]

test.each(CASES)('of 100 ms: $steps', ({ steps, isOver }) => {
  const clock = new FakeClock()
  let over = 0
  const waits = new WaitBudget(clock, 100, () => {
    over += 1
  })
  for (const step of steps) {
    if (typeof step === 'number') clock.advance(step)
    else waits[step]()
  }
  expect(over).toBe(isOver ? 1 : 0)
  waits.end()
  expect(clock.pending).toBe(0)
})

test('one without an end has no timer', () => {
  const clock = new FakeClock()
  new WaitBudget(clock, Number.POSITIVE_INFINITY, () => undefined).begin()
  expect(clock.pending).toBe(0)
})
