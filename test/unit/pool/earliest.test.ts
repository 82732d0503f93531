import { expect, test } from 'vitest'
import { Earliest } from '../../../src/pool/earliest.ts'

test('items come by their keys, and those with the same key in the order they were added', () => {
  const queue = new Earliest<string>()
  const keys = [5, 1, 4, 1, 3, 9, 2, 6, 5, 3, 5, 0, 7]
  for (const [index, key] of keys.entries()) queue.add(`${key}/${index}`, key)
  expect(queue.leastKey).toBe(0)
  const taken: string[] = []
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item)
  expect(taken).toEqual([
    '0/11',
    '1/1',
    '1/3',
    '2/6',
    '3/4',
    '3/9',
    '4/2',
    '5/0',
    '5/8',
    '5/10',
    '6/7',
    '7/12',
    '9/5',
  ])
  expect(queue.leastKey).toBe(Number.POSITIVE_INFINITY)
})

test('additions and removals may alternate', () => {
  const queue = new Earliest<number>()
  let [seed, last] = [7, 0]
  for (let round = 0; round < 2000; round += 1) {
    seed = (seed * 48_271) % 0x7fffffff
    queue.add(round, last + (seed % 100))
    if (round % 3 === 0) continue
    last = queue.leastKey
    const before = queue.leastKey
    queue.take()
    expect(queue.leastKey).toBeGreaterThanOrEqual(before)
  }
})
