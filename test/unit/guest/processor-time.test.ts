/** What counts is the time for which the thread had a processor, as far as that can be known without asking all the time. */
import { expect, test } from 'vitest'
import { ProcessorTime, threadTimeOf } from '../../../src/guest/processor-time.ts'
import { FakeClock } from '../../support/fake-clock.ts'

interface Step {
  readonly heldMs: number
  readonly stolenMs?: number
  /** What others do with the thread before the next step. */
  readonly othersMs?: number
}

const CASES: readonly { name: string; steps: readonly Step[]; usedMs: number }[] = [
  { name: 'a short stretch', steps: [{ heldMs: 0.5 }], usedMs: 0.5 },
  { name: 'a long stretch', steps: [{ heldMs: 5 }], usedMs: 5 },
  {
    name: 'a stretch without a processor for most of it',
    steps: [{ heldMs: 20, stolenMs: 18 }],
    usedMs: 2,
  },
  {
    name: 'stretches between those of others',
    steps: Array.from({ length: 10 }, () => ({ heldMs: 3, stolenMs: 2, othersMs: 7 })),
    usedMs: 10,
  },
  {
    name: 'others that do not use what they have',
    steps: [{ heldMs: 1, othersMs: 50 }, { heldMs: 1 }],
    usedMs: 2,
  },
]

for (const { name, steps, usedMs } of CASES) {
  test(`${name}`, () => {
    const clock = new FakeClock()
    const time = new ProcessorTime(threadTimeOf(clock), clock.nowMs())
    for (const [index, { heldMs, stolenMs = 0, othersMs = 0 }] of steps.entries()) {
      if (index > 0) time.enter(clock.nowMs())
      clock.advance(heldMs)
      clock.stolenMs += stolenMs
      time.leave(clock.nowMs())
      clock.advance(othersMs)
    }
    expect(time.usedMs).toBeCloseTo(usedMs)
  })
}

test('over its limit is who has used it, not who has held the thread for so long', () => {
  const clock = new FakeClock()
  const time = new ProcessorTime(threadTimeOf(clock), clock.nowMs())
  clock.advance(9)
  expect(time.isOver(10, clock.nowMs())).toBe(false)
  clock.advance(20)
  clock.stolenMs += 20
  expect(time.isOver(10, clock.nowMs())).toBe(false)
  clock.advance(2)
  expect(time.isOver(10, clock.nowMs())).toBe(true)
})

test('the system is asked once in a while only', () => {
  const clock = new FakeClock()
  let asked = 0
  clock.threadCpuMs = () => {
    asked += 1
    return clock.nowMs()
  }
  // Small requests, one after the other.
  for (let request = 0; request < 1000; request += 1) {
    const time = new ProcessorTime(threadTimeOf(clock), clock.nowMs())
    clock.advance(0.05)
    time.isOver(10, clock.nowMs())
    time.leave(clock.nowMs())
  }
  expect(asked).toBeLessThanOrEqual(51)
})
