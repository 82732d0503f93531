import { expect, test } from 'vitest'
import { MAX_USAGE_ENTRIES, type Usage } from '../../../src/base/usage.ts'
import { Account, RunQueue } from '../../../src/pool/run-queue.ts'

/** A queue whose turns the test gives, with tenants by their names. */
function setUp() {
  const scheduled: Array<() => void> = []
  const clock = { ms: 0 }
  const runQueue = new RunQueue({
    sliceMs: 1,
    nowMs: () => clock.ms,
    schedule: (callback) => scheduled.push(callback),
    afterThis: (callback) => callback(),
  })
  const accounts = new Map<string, Account>()
  const of = (tenant: string): Account => {
    const account = accounts.get(tenant) ?? new Account(tenant)
    accounts.set(tenant, account)
    return account
  }
  const queue = {
    join: (tenant: string, takeThread: () => void, costMs = 1) =>
      runQueue.join(of(tenant), { costMs, hasUsedSlice: false, takeThread }),
    mayRun: (tenant: string) => runQueue.mayRun(of(tenant)),
    charge: (tenant: string, cpuMs: number) => runQueue.charge(of(tenant), cpuMs),
    takeUsage: () => runQueue.takeUsage(),
    countElsewhere: (usage: Usage) => runQueue.countElsewhere(usage),
    get waiting() {
      return runQueue.waiting
    },
  }
  const turn = (): boolean => {
    const callback = scheduled.shift()
    callback?.()
    return callback !== undefined
  }
  return { queue, turn, scheduled, clock }
}

test('each turn of the event loop wakes one', () => {
  const { queue, turn } = setUp()
  const woken: string[] = []
  queue.join('a', () => woken.push('a1'))
  queue.join('a', () => woken.push('a2'))
  expect(woken).toEqual([])
  turn()
  expect(woken).toEqual(['a1'])
  expect(queue.waiting).toBe(1)
  turn()
  expect(woken).toEqual(['a1', 'a2'])
  expect(turn()).toBe(false)
})

test('a tenant with a hundred guests gets no more turns than a tenant with one', () => {
  const { queue, turn } = setUp()
  const turns = { many: 0, one: 0 }
  const rejoin = (tenant: 'many' | 'one') => () => {
    turns[tenant] += 1
    queue.join(tenant, rejoin(tenant))
  }
  for (let guest = 0; guest < 100; guest += 1) queue.join('many', rejoin('many'))
  queue.join('one', rejoin('one'))
  for (let count = 0; count < 1000; count += 1) turn()
  expect(turns).toEqual({ many: 500, one: 500 })
})

test('short requests share a turn, tenants in turn', () => {
  const { queue, turn } = setUp()
  const woken: string[] = []
  for (const name of ['a1', 'a2', 'a3', 'a4']) queue.join('a', () => woken.push(name), 0.3)
  queue.join('b', () => woken.push('b1'), 0.3)
  turn()
  expect(woken).toEqual(['a1', 'b1', 'a2', 'a3'])
  turn()
  expect(woken).toEqual(['a1', 'b1', 'a2', 'a3', 'a4'])
})

test('a turn is over by the clock, too: work beside the guests was not in what they were likely to cost', () => {
  const { queue, turn, clock } = setUp()
  const woken: string[] = []
  const join = (name: string, tookMs: number) =>
    queue.join(
      'a',
      () => {
        woken.push(name)
        clock.ms += tookMs
      },
      0.1,
    )
  join('a1', 0.5)
  join('a2', 0.5)
  join('a3', 7)
  join('a4', 0)
  turn()
  expect(woken).toEqual(['a1', 'a2'])
  turn()
  expect(woken).toEqual(['a1', 'a2', 'a3'])
  turn()
  expect(woken).toEqual(['a1', 'a2', 'a3', 'a4'])
})

test('whoever needs a whole slice has a turn alone', () => {
  const { queue, turn } = setUp()
  const woken: string[] = []
  queue.join('a', () => woken.push('a'))
  queue.join('b', () => woken.push('b'), 0.01)
  turn()
  expect(woken).toEqual(['a'])
})

test('within a tenant it is first come, first served', () => {
  const { queue, turn } = setUp()
  const woken: number[] = []
  for (let guest = 0; guest < 5; guest += 1) queue.join('a', () => woken.push(guest))
  while (turn());
  expect(woken).toEqual([0, 1, 2, 3, 4])
})

test('a new request runs at once until its tenant has used its slice of this turn', () => {
  const { queue, turn } = setUp()
  expect(queue.mayRun('a')).toBe(true)
  queue.charge('a', 0.6)
  expect(queue.mayRun('a')).toBe(true)
  queue.charge('a', 0.6)
  expect(queue.mayRun('a')).toBe(false)
  expect(queue.mayRun('b')).toBe(true)
  turn()
  expect(queue.mayRun('a')).toBe(true)
})

test("a new request does not overtake the tenant's own that wait", () => {
  const { queue, turn } = setUp()
  queue.join('a', () => undefined)
  expect(queue.mayRun('a')).toBe(false)
  expect(queue.mayRun('b')).toBe(true)
  turn()
  expect(queue.mayRun('a')).toBe(true)
})

test('what was used while others waited is told once, and nothing is told when nobody waits', () => {
  const { queue, turn } = setUp()
  queue.charge('a', 5)
  turn()
  expect(queue.takeUsage()).toEqual([])
  for (const name of ['a', 'b', 'c']) queue.join(name, () => undefined)
  queue.charge('a', 3)
  queue.charge('b', 0.2)
  turn()
  turn()
  expect(queue.takeUsage()).toEqual([
    ['a', 3],
    ['b', 1.2],
    ['c', 1],
  ])
  expect(queue.takeUsage()).toEqual([])
})

test('of many tenants some are told now and the others next time', () => {
  const { queue } = setUp()
  queue.join('a', () => undefined)
  for (let tenant = 0; tenant < MAX_USAGE_ENTRIES + 3; tenant += 1) queue.charge(`${tenant}`, 1)
  expect(queue.takeUsage()).toHaveLength(MAX_USAGE_ENTRIES)
  expect(queue.takeUsage()).toHaveLength(3)
})

/** `a` and `b` want every turn they can have, and have had one each. */
function setUpTwoThatRejoin() {
  const { queue, turn } = setUp()
  const turns: string[] = []
  const rejoin = (tenant: string) => (): void => {
    turns.push(tenant)
    queue.join(tenant, rejoin(tenant))
  }
  for (const tenant of ['a', 'b']) queue.join(tenant, rejoin(tenant))
  turn()
  turn()
  return { queue, turn, turns }
}

test('whoever has had a thread elsewhere comes later here', () => {
  const { queue, turn, turns } = setUpTwoThatRejoin()
  queue.countElsewhere([
    ['a', 10],
    ['nobody', 10],
  ])
  for (let count = 0; count < 12; count += 1) turn()
  expect(turns.join('')).toBe(`ab${'b'.repeat(10)}ab`)
})

test('a tenant is not kept waiting for long, whatever others say it has had', () => {
  const { queue, turn, turns } = setUpTwoThatRejoin()
  queue.countElsewhere([['a', 1e9]])
  for (let count = 0; count < 300; count += 1) turn()
  expect(turns.lastIndexOf('a')).toBeGreaterThan(290)
  expect(turns.indexOf('a', 2)).toBeLessThan(120)
})
