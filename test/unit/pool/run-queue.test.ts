import { expect, test } from 'vitest'
import { RunQueue } from '../../../src/pool/run-queue.ts'

/** A queue whose turns the test gives. */
function setUp() {
  const scheduled: Array<() => void> = []
  const queue = new RunQueue((callback) => scheduled.push(callback), 1)
  const turn = (): boolean => {
    const callback = scheduled.shift()
    callback?.()
    return callback !== undefined
  }
  return { queue, turn, scheduled }
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
