import { expect, test } from 'vitest'
import { chooseRelease } from '../../../src/store/choose-release.ts'
import { liveHandler } from './drafts.ts'

const CLIENTS = Array.from({ length: 10_000 }, (_, n) => `192.0.2.${n}`)

function withCanary(weight: number, sticky: boolean, digest = 'c'.repeat(64)) {
  return liveHandler({ canary: { handler: liveHandler({ digest }), weight, sticky } })
}

function never(): number {
  throw new Error('drew')
}

test('without a canary there is nothing to draw', () => {
  const handler = liveHandler({})
  expect(chooseRelease(handler, never, 'client')).toBe(handler)
})

const DRAWS = [
  { weight: 1, draw: 0, isCanary: true },
  { weight: 1, draw: 0.0099, isCanary: true },
  { weight: 1, draw: 0.01, isCanary: false },
  { weight: 99, draw: 0.98999, isCanary: true },
  { weight: 99, draw: 0.99, isCanary: false },
]

test.for(DRAWS)('weight $weight, drawn $draw: canary $isCanary', ({ weight, draw, isCanary }) => {
  const handler = withCanary(weight, false)
  const chosen = chooseRelease(handler, () => draw, 'client')
  expect(chosen).toBe(isCanary ? handler.canary?.handler : handler)
})

test('a sticky canary has its share of the clients, the same ones every time', () => {
  for (const weight of [1, 10, 50, 90, 99]) {
    const handler = withCanary(weight, true)
    const chosen = CLIENTS.filter((key) => chooseRelease(handler, never, key) !== handler)
    // Five times the deviation that chance gives.
    const spread = 5 * Math.sqrt(CLIENTS.length * (weight / 100) * (1 - weight / 100))
    expect(Math.abs(chosen.length - (CLIENTS.length * weight) / 100)).toBeLessThan(spread)
    expect(CLIENTS.filter((key) => chooseRelease(handler, never, key) !== handler)).toEqual(chosen)
  }
})

test('as the weight grows no client goes back, and another canary has other clients', () => {
  let before = new Set<string>()
  for (const weight of [5, 10, 30, 99]) {
    const handler = withCanary(weight, true)
    const now = new Set(CLIENTS.filter((key) => chooseRelease(handler, never, key) !== handler))
    expect([...before].filter((key) => !now.has(key))).toEqual([])
    before = now
  }
  const [one, two] = ['c', 'd'].map((digit) => withCanary(10, true, digit.repeat(64)))
  if (one === undefined || two === undefined) throw new Error('there are two')
  const both = CLIENTS.filter(
    (key) => chooseRelease(one, never, key) !== one && chooseRelease(two, never, key) !== two,
  )
  expect(both.length).toBeGreaterThan(50)
  expect(both.length).toBeLessThan(150)
})

test('a client nobody can tell is drawn', () => {
  const handler = withCanary(50, true)
  expect(chooseRelease(handler, () => 0.4, undefined)).toBe(handler.canary?.handler)
  expect(chooseRelease(handler, () => 0.6, undefined)).toBe(handler)
})
