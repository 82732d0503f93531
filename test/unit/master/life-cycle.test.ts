/** Upwards only; what comes twice or too late changes nothing. */
import { expect, test } from 'vitest'
import { type LifeEvent, type LifeState, nextState } from '../../../src/master/life-cycle.ts'

const CASES: ReadonlyArray<readonly [LifeState, LifeEvent, LifeState | undefined]> = [
  ['normal', 'reload', 'reloading'],
  ['normal', 'reloaded', undefined],
  ['normal', 'finish', 'finishing'],
  ['normal', 'terminate', 'terminating'],
  ['reloading', 'reload', undefined],
  ['reloading', 'reloaded', 'normal'],
  ['reloading', 'finish', 'finishing'],
  ['reloading', 'terminate', 'terminating'],
  ['finishing', 'reload', undefined],
  ['finishing', 'reloaded', undefined],
  ['finishing', 'finish', undefined],
  ['finishing', 'terminate', 'terminating'],
  ['terminating', 'reload', undefined],
  ['terminating', 'reloaded', undefined],
  ['terminating', 'finish', undefined],
  ['terminating', 'terminate', undefined],
]

for (const [state, event, wanted] of CASES) {
  test(`${state}: ${event} leads to ${wanted ?? 'nothing'}`, () =>
    expect(nextState(state, event)).toBe(wanted))
}
