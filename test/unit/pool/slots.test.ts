import { expect, test } from 'vitest'
import { Slots, type SlotWaiter } from '../../../src/pool/slots.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const LIMITS = { maxChildren: 2, queueMax: 2, queueTimeoutMs: 500 }

/** Waits for a slot, as a promise. */
function acquire(slots: Slots, waiter?: SlotWaiter): Promise<void> {
  return new Promise((admitted, refused) =>
    slots.acquire(waiter ?? { admitted, refused }, LIMITS.queueTimeoutMs),
  )
}

function setUp(limits = LIMITS) {
  const clock = new FakeClock()
  return { clock, slots: new Slots('acme', limits, clock) }
}

test('max_children requests run at once', () => {
  const { slots } = setUp()
  expect([slots.tryAcquire(), slots.tryAcquire(), slots.tryAcquire()]).toEqual([true, true, false])
  expect(slots.active).toBe(2)
})

test('whoever waits is served first come, first served', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const order: number[] = []
  const first = acquire(slots).then(() => order.push(1))
  const second = acquire(slots).then(() => order.push(2))
  slots.release()
  await first
  expect(order).toEqual([1])
  expect(slots.tryAcquire()).toBe(false)
  slots.release()
  await second
  expect(order).toEqual([1, 2])
})

test('waiting ends with queue_timeout and leaves nothing behind', async () => {
  const { slots, clock } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = acquire(slots)
  clock.advance(499)
  expect(slots.waiting).toBe(1)
  clock.advance(1)
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_QUEUE_TIMEOUT' })
  expect([slots.waiting, clock.pending]).toEqual([0, 0])
  slots.release()
  expect(slots.active).toBe(0)
})

test('a request that is given up while it waits never gets a slot', () => {
  const { slots, clock } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiter = {
    admitted: () => expect.unreachable(),
    refused: () => expect.unreachable(),
  }
  void acquire(slots, waiter)
  expect([slots.giveUp(waiter), slots.giveUp(waiter)]).toEqual([true, false])
  slots.release()
  expect([slots.active, slots.waiting, clock.pending]).toEqual([0, 0, 0])
})

test('raising max_children lets the queue in', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = acquire(slots)
  slots.limits = LIMITS
  await waiting
  expect(slots.active).toBe(2)
})

test('stopping refuses everybody who waits', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = acquire(slots)
  slots.refuseAll()
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_STOPPING' })
})
