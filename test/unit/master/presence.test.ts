import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { Readiness } from '../../../src/base/readiness.ts'
import { Presence } from '../../../src/master/presence.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setUp() {
  const store = { isInStep: true }
  const clock = new FakeClock()
  const told: Readiness[] = []
  const pool = {
    isServing: false,
    loads: [0.5],
    tellReadiness: (readiness: Readiness) => void told.push(readiness),
  }
  const presence = new Presence({
    clock,
    logger: pino({ level: 'silent' }),
    pools: () => [pool],
    before: undefined,
    isInStep: () => store.isInStep,
    slowStartMs: () => 10_000,
  })
  return { clock, pool, presence, store, told }
}

test('from the start to the end: what it is, what load balancers read, what workers are told', () => {
  const { clock, pool, presence, store, told } = setUp()
  store.isInStep = false
  const seen = (): unknown[] => {
    const { status, body } = presence.page()
    return [presence.readiness, presence.line(), status, JSON.parse(body).weight, told.at(-1)]
  }
  presence.look()
  expect(seen()).toEqual(['starting', 'drain', 503, 0, 'starting'])
  pool.isServing = true
  presence.look()
  expect(seen()).toEqual(['starting', 'drain', 503, 0, 'starting'])
  presence.started()
  expect(seen()).toEqual(['starting', 'drain', 503, 0, 'starting'])
  store.isInStep = true
  presence.look()
  expect(seen()).toEqual(['ready', 'up ready 10%', 200, 10, 'ready'])
  clock.advance(10_000)
  expect(seen()).toEqual(['ready', 'up ready 70%', 200, 70, 'ready'])
  pool.isServing = false
  presence.look()
  expect(seen()).toEqual(['starting', 'drain', 503, 0, 'starting'])
  pool.isServing = true
  presence.look()
  expect(seen()).toEqual(['ready', 'up ready 10%', 200, 10, 'ready'])
  presence.drain(undefined)
  expect(seen()).toEqual(['draining', 'drain', 503, 0, 'draining'])
  clock.advance(3000)
  expect(presence.drainedMs).toBe(3000)
  presence.undrain()
  expect(seen().slice(0, 1)).toEqual(['ready'])
  presence.drain(5000)
  clock.advance(4000)
  expect(presence.readiness).toBe('draining')
  clock.advance(1000)
  expect([presence.readiness, told.at(-1)]).toEqual(['ready', 'ready'])
  presence.stopping()
  presence.undrain()
  expect(seen()).toEqual(['draining', 'drain', 503, 0, 'draining'])
})

test('the last drain counts', () => {
  const { clock, pool, presence } = setUp()
  pool.isServing = true
  presence.started()
  presence.drain(1000)
  presence.drain(undefined)
  clock.advance(60_000)
  expect(presence.readiness).toBe('draining')
  presence.drain(1000)
  clock.advance(1000)
  expect(presence.readiness).toBe('ready')
})
