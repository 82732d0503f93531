import { expect, test } from 'vitest'
import { FRESH_MS, SharedUsage } from '../../../src/master/shared-usage.ts'

const [A, B, C] = [{ name: 'A' }, { name: 'B' }, { name: 'C' }]

test('each worker is told what the others have reported since it reported last', () => {
  const shared = new SharedUsage()
  for (const worker of [A, B, C]) shared.exchange(worker, [['none', 1]], 0)
  expect(shared.exchange(A, [['x', 5]], 10)).toEqual([['none', 2]])
  expect(shared.exchange(B, [['x', 2]], 20)).toEqual([
    ['none', 1],
    ['x', 5],
  ])
  expect(shared.exchange(A, [['y', 1]], 30)).toEqual([['x', 2]])
  expect(shared.exchange(C, [['z', 1]], 40)).toEqual([
    ['x', 7],
    ['y', 1],
  ])
})

test('a worker where nobody has waited lately is told nothing of that time', () => {
  const shared = new SharedUsage()
  shared.exchange(A, [['x', 5]], 0)
  shared.exchange(B, [['x', 5]], 0)
  shared.exchange(A, [['x', 5]], 100)
  expect(shared.exchange(B, [['x', 1]], FRESH_MS + 1)).toEqual([])
  shared.exchange(A, [['x', 3]], FRESH_MS + 10)
  expect(shared.exchange(B, [['x', 1]], FRESH_MS + 20)).toEqual([['x', 3]])
})

test('forgets everything when there are too many tenants, and goes on', () => {
  const shared = new SharedUsage()
  for (let tenant = 0; tenant < 1025; tenant += 1) shared.exchange(A, [[`${tenant}`, 1]], 0)
  expect(shared.exchange(B, [['x', 1]], 0)).toEqual([])
  expect(shared.exchange(A, [['x', 1]], 0)).toEqual([])
  expect(shared.exchange(B, [['x', 1]], 0)).toEqual([['x', 1]])
})
