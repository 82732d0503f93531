/** When what was loaded is loaded again: what has failed, and what was forgotten. */
import { expect, test } from 'vitest'
import { KeptLoad, type Retry } from '../../../src/gateway/kept-load.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** `tookMs`: of each load. `retry`: of its failures. */
function stage({ tookMs = 0, retry }: { tookMs?: number; retry?: Retry } = {}) {
  const clock = new FakeClock()
  const state = { loads: 0, isBroken: true }
  const load = new KeptLoad({
    clock,
    load: async () => {
      state.loads += 1
      clock.advance(tookMs)
      if (state.isBroken) throw new Error(`load ${state.loads}`)
      return { number: state.loads }
    },
    ...(retry === undefined ? {} : { retry: () => retry }),
  })
  /** What a request is told. */
  const ask = async (): Promise<string> => {
    try {
      return `value ${(await load.get()).number}`
    } catch (error) {
      return String(error)
    }
  }
  return { clock, state, load, ask }
}

test('what fails is not loaded by each request: all are told the same, and the pauses get longer, up to a minute', async () => {
  const { clock, state, ask } = stage()
  const pausesMs: number[] = []
  for (let failures = 1; failures <= 9; failures += 1) {
    expect(await Promise.all([ask(), ask()])).toEqual(Array(2).fill(`Error: load ${failures}`))
    let pauseMs = 0
    while (state.loads === failures) {
      clock.advance(250)
      pauseMs += 250
      await ask()
    }
    pausesMs.push(pauseMs)
  }
  expect(pausesMs.map((pauseMs) => pauseMs / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
})

test('what takes long to fail takes a fifth of the time and no more', async () => {
  const { clock, state, ask } = stage({ tookMs: 30_000 })
  await ask()
  clock.advance(149_999)
  await ask()
  expect(state.loads).toBe(1)
  clock.advance(1)
  await ask()
  expect(state.loads).toBe(2)
})

test('once it comes off it is kept, and later failures begin with a short pause', async () => {
  const { clock, state, load, ask } = stage()
  await ask()
  clock.advance(1000)
  await ask()
  state.isBroken = false
  clock.advance(2000)
  expect(await ask()).toBe('value 3')
  expect(load.get()).toBe(load.kept)
  clock.advance(3_600_000)
  expect(await ask()).toBe('value 3')
  state.isBroken = true
  load.forget()
  expect(await ask()).toBe('Error: load 4')
  clock.advance(1000)
  expect(await ask()).toBe('Error: load 5')
})

test('what can never come off is not tried again, and what has not begun at once', async () => {
  const never = stage({ retry: 'never' })
  await never.ask()
  never.clock.advance(3_600_000)
  expect(await never.ask()).toBe('Error: load 1')
  const atOnce = stage({ retry: 'at-once' })
  await atOnce.ask()
  expect(await atOnce.ask()).toBe('Error: load 2')
})
