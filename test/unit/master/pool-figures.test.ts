import { expect, test } from 'vitest'
import { PoolFigures } from '../../../src/master/pool-figures.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { busyFigures } from './busy-machine.ts'

const WANTED = new Set(['tenant-0'])

function setUp() {
  let asked = 0
  const workers = [0, 1, 2].map(() => ({
    askFigures: () => {
      asked += 1
    },
  }))
  const figures = new PoolFigures<(typeof workers)[number]>()
  return { workers, figures, asked: () => asked }
}

test('what a worker has counted outlives it; what it had at the moment does not', () => {
  const { workers, figures } = setUp()
  const requests = (): unknown => {
    const { counts, gauges, kills } = figures.totals(WANTED).tenants.get('tenant-0') ?? {}
    return [counts?.[0], gauges?.[3], kills?.get('cpu')]
  }
  for (const worker of workers.slice(0, 2)) figures.take(worker, busyFigures(1))
  expect(requests()).toEqual([2 * 12_345.678, 10, 4])
  figures.forget(workers[0] as (typeof workers)[number])
  expect(requests()).toEqual([2 * 12_345.678, 5, 4])
  figures.take(workers[2] as (typeof workers)[number], busyFigures(1))
  expect(requests()).toEqual([3 * 12_345.678, 10, 6])
  expect(figures.totals(WANTED).waits.get(1e9)).toBe(24)
})

test('a tenant that was taken away is forgotten, also when another one of its name comes', () => {
  const { workers, figures } = setUp()
  const [worker] = workers
  if (worker === undefined) throw new Error('no worker')
  figures.take(worker, busyFigures(1))
  figures.forget(worker)
  expect(figures.totals(WANTED).tenants.size).toBe(1)
  expect(figures.totals(new Set()).tenants.size).toBe(0)
  expect(figures.totals(WANTED).tenants.size).toBe(0)
})

test('workers that follow each other have the same place', () => {
  const { workers, figures } = setUp()
  const [a, b, c] = workers as [object, object, object] as never as typeof workers
  if (a === undefined || b === undefined || c === undefined) throw new Error('no workers')
  expect([figures.slotOf(a), figures.slotOf(b), figures.slotOf(a)]).toEqual([0, 1, 0])
  figures.forget(a)
  expect(figures.slotOf(c)).toBe(0)
})

test('a round ends with the last answer, with the end of who has not answered, or in time', async () => {
  const { workers, figures, asked } = setUp()
  const [a, b] = workers
  if (a === undefined || b === undefined) throw new Error('no workers')
  const clock = new FakeClock()
  const both = Promise.all([figures.ask([a, b], clock), figures.ask([a, b], clock)])
  expect(asked()).toBe(2)
  figures.take(a, busyFigures(1))
  figures.forget(b)
  await both
  const late = figures.ask([a], clock)
  clock.advance(1000)
  await late
  await figures.ask([], clock)
})
