/** What is done for a tenant besides its requests: whose turn it is, and who pays. */
import { expect, test } from 'vitest'
import { PoolTenant } from '../../../src/pool/pool-tenant.ts'
import { RunQueue } from '../../../src/pool/run-queue.ts'
import { Work } from '../../../src/pool/work.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const LIMITS = { maxChildren: 4, queueMax: 4, queueTimeoutMs: 1000 }

test("it takes turns with the requests of others, and is on the tenant's bill", () => {
  const clock = new FakeClock()
  const scheduled: Array<() => void> = []
  const queue = new RunQueue({
    sliceMs: 1,
    nowMs: () => 0,
    schedule: (callback) => scheduled.push(callback),
    afterThis: (callback) => callback(),
  })
  const [wiki, shop] = ['wiki', 'shop'].map((name) => new PoolTenant(name, LIMITS, clock))
  if (wiki === undefined || shop === undefined) throw new Error('no tenants')
  const turns: string[] = []
  const work = new Work(queue, wiki, 1)
  let usedMs = 0
  const slice = (): void => {
    turns.push('wiki')
    usedMs += 1
    if (usedMs < 6) work.waitTurn(slice, usedMs)
    else work.ended(usedMs)
  }
  work.waitTurn(slice, 0)
  expect(turns, 'before its turn').toEqual([])
  for (let at = 0; at < 6; at += 1)
    queue.join(shop.account, {
      costMs: 1,
      hasUsedSlice: false,
      takeThread: () => void turns.push('shop'),
    })
  while (scheduled.length > 0) scheduled.shift()?.()
  expect(turns).toHaveLength(12)
  // By turns, apart from the credit of one who comes later.
  for (const tenant of ['wiki', 'shop'])
    expect(turns.slice(0, 8).filter((one) => one === tenant).length, tenant).toBeGreaterThan(2)
  expect(wiki.counters).toMatchObject({ cpuMs: 6, workMs: 6, requests: 0 })
  expect(shop.counters.cpuMs).toBe(0)
})

test('what a request usually takes is not what has been done besides', () => {
  const tenant = new PoolTenant('wiki', LIMITS, new FakeClock())
  tenant.countStart(0)
  tenant.countEnd({ outcome: { kind: 'exited', code: 0 }, cpuMs: 3, memoryBytes: 0 })
  tenant.countWork(2000)
  expect(tenant.counters.cpuMs).toBe(2003)
  expect(tenant.usualCpuMs).toBe(3)
})
