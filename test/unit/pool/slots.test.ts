import { expect, test } from 'vitest'
import { Slots } from '../../../src/pool/slots.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const LIMITS = { maxChildren: 2, queueMax: 2, queueTimeoutMs: 500 }
const never = () => undefined

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
  const first = slots.acquire(never).then(() => order.push(1))
  const second = slots.acquire(never).then(() => order.push(2))
  slots.release()
  await first
  expect(order).toEqual([1])
  expect(slots.tryAcquire()).toBe(false)
  slots.release()
  await second
  expect(order).toEqual([1, 2])
})

test('a full queue refuses at once and says how long it is', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  void slots.acquire(never).catch(never)
  void slots.acquire(never).catch(never)
  await expect(slots.acquire(never)).rejects.toMatchObject({
    code: 'POOL_QUEUE_FULL',
    message: expect.stringContaining('2 requests wait already'),
  })
})

test('a queue of length 0 refuses whoever finds no slot', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1, queueMax: 0 })
  slots.tryAcquire()
  await expect(slots.acquire(never)).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL' })
})

test('waiting ends with queue_timeout and leaves nothing behind', async () => {
  const { slots, clock } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = slots.acquire(never)
  clock.advance(499)
  expect(slots.waiting).toBe(1)
  clock.advance(1)
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_QUEUE_TIMEOUT' })
  expect([slots.waiting, clock.pending]).toEqual([0, 0])
  slots.release()
  expect(slots.active).toBe(0)
})

test('a request that is given up while it waits never gets a slot', async () => {
  const { slots, clock } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  let giveUp = never
  const waiting = slots.acquire((callback) => {
    giveUp = callback as typeof never
  })
  giveUp()
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_ABORTED' })
  slots.release()
  expect([slots.active, slots.waiting, clock.pending]).toEqual([0, 0, 0])
})

test('raising max_children lets the queue in', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = slots.acquire(never)
  slots.limits = LIMITS
  await waiting
  expect(slots.active).toBe(2)
})

test('stopping refuses everybody who waits', async () => {
  const { slots } = setUp({ ...LIMITS, maxChildren: 1 })
  slots.tryAcquire()
  const waiting = slots.acquire(never)
  slots.refuseAll()
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_STOPPING' })
})
