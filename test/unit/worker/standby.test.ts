import { expect, test } from 'vitest'
import { LOOK_MS, Standby } from '../../../src/worker/standby.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function setUp() {
  const clock = new FakeClock()
  const listener = {
    connections: 0,
    isPaused: false,
    isWaiting: false,
    handedOver: 0,
    pause: () => {
      listener.isPaused = true
    },
    hasWaiting: () => listener.isWaiting,
    handOverKept: () => {
      listener.handedOver += 1
    },
  }
  let leftWaiting = 0
  const standby = new Standby({
    clock,
    listeners: () => [listener],
    onLeftWaiting: () => {
      leftWaiting += 1
      standby.end()
    },
  })
  return { clock, listener, standby, leftWaiting: () => leftWaiting }
}

test('it stops accepting, and has no timer when there is nothing to do', () => {
  const { clock, listener, standby } = setUp()
  standby.begin(false)
  expect([listener.isPaused, clock.pending]).toEqual([true, 0])
})

test('its connections are handed over as they become idle, whenever that is', () => {
  const { clock, listener, standby } = setUp()
  listener.connections = 1
  standby.begin(false)
  clock.advance(5 * LOOK_MS)
  expect(listener.handedOver).toBe(6)
  listener.connections = 0
  clock.advance(5 * LOOK_MS)
  expect([listener.handedOver, clock.pending]).toEqual([7, 0])
})

test('it steps in for a connection that waits at two looks', () => {
  const { clock, listener, standby, leftWaiting } = setUp()
  standby.begin(true)
  clock.advance(3 * LOOK_MS)
  listener.isWaiting = true
  clock.advance(LOOK_MS)
  expect(leftWaiting()).toBe(0)
  clock.advance(LOOK_MS)
  expect([leftWaiting(), standby.isStandingBy, clock.pending]).toEqual([1, false, 0])
})

test('connections that others accept in time are none of its business', () => {
  const { clock, listener, standby, leftWaiting } = setUp()
  standby.begin(true)
  for (let look = 0; look < 10; look += 1) {
    listener.isWaiting = look % 2 === 0
    clock.advance(LOOK_MS)
  }
  expect(leftWaiting()).toBe(0)
})

test('nobody watches where it is told to rest', () => {
  const { clock, listener, standby, leftWaiting } = setUp()
  listener.isWaiting = true
  standby.begin(true)
  standby.begin(false)
  clock.advance(10 * LOOK_MS)
  expect([leftWaiting(), clock.pending]).toEqual([0, 0])
})

test('a connection that comes while it rests is handed over, too', () => {
  const { clock, listener, standby } = setUp()
  standby.look()
  standby.begin(false)
  listener.connections = 1
  standby.look()
  clock.advance(2 * LOOK_MS)
  expect(listener.handedOver).toBe(4)
})
