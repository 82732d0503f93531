/** When workers come back. */
import { expect, test } from 'vitest'
import {
  decideRestart,
  NO_HISTORY,
  type RestartHistory,
} from '../../../src/master/restart-policy.ts'

const NEVER = { threshold: 0, intervalMs: 60_000 }

/** The delays after crashes that each come after `servedMs` of service. */
function delays(servedMs: readonly number[]): number[] {
  let history: RestartHistory = NO_HISTORY
  return servedMs.map((served, index) => {
    const end = { nowMs: index, servedMs: served, isCrash: true }
    const decision = decideRestart(history, end, NEVER)
    history = decision.history
    return decision.delayMs
  })
}

const CASES = [
  {
    name: 'a crash after long service is made good at once',
    served: [60_000, 60_000, 1000],
    delays: [0, 0, 0],
  },
  { name: 'the first early crash, too', served: [0], delays: [0] },
  {
    name: 'early crashes in a row wait longer each time',
    served: [0, 999, 0, 0, 0],
    delays: [0, 100, 200, 400, 800],
  },
  {
    name: 'a worker that served ends the row',
    served: [0, 0, 0, 1000, 0, 0],
    delays: [0, 100, 200, 0, 0, 100],
  },
  {
    name: 'the wait has an end',
    served: Array.from({ length: 12 }, () => 0),
    delays: [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000],
  },
]

for (const { name, served, delays: wanted } of CASES) {
  test(name, () => expect(delays(served)).toEqual(wanted))
}

test('an end in good order leaves no trace', () => {
  const history = { streak: 3, crashesMs: [1] }
  const decision = decideRestart(history, { nowMs: 5, servedMs: 0, isCrash: false }, NEVER)
  expect(decision).toEqual({ history, delayMs: 0, isEmergency: false })
})

test('so many crashes within the interval make all workers new, once', () => {
  const limits = { threshold: 3, intervalMs: 1000 }
  let history: RestartHistory = NO_HISTORY
  const emergencies = [0, 900, 1500, 1800, 1900, 2000].map((nowMs) => {
    const decision = decideRestart(history, { nowMs, servedMs: 5000, isCrash: true }, limits)
    history = decision.history
    return decision.isEmergency
  })
  // 0 is forgotten at 1500; 900, 1500 and 1800 count; then it starts anew with 1900.
  expect(emergencies).toEqual([false, false, false, true, false, false])
})
