/** What a worker says every second. */
import { expect, test } from 'vitest'
import { Beat } from '../../../src/worker/beat.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('a worker that has compiled very much says so, again after a minute', () => {
  const clock = new FakeClock()
  const said: boolean[] = []
  let isWornOut = false
  const beat = new Beat({
    clock,
    lookingMs: () => 0,
    send: (message) => message.kind === 'beat' && said.push(message.isWorn),
    isWornOut: () => isWornOut,
  })
  beat.start()
  clock.advance(1000)
  isWornOut = true
  clock.advance(120_000)
  beat.stop()
  const at = said.flatMap((isWorn, second) => (isWorn ? [second] : []))
  expect([said.length, at]).toEqual([122, [2, 62]])
})
