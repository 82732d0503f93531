import { expect, test } from 'vitest'
import { Turns } from '../../../src/base/turns.ts'

test('so many at once, in the order of their coming', async () => {
  const turns = new Turns(2)
  const started: number[] = []
  const ends: Array<() => void> = []
  const works = [0, 1, 2, 3].map((number) =>
    turns.take(async () => {
      started.push(number)
      await new Promise<void>((resolve) => ends.push(resolve))
      return number
    }),
  )
  expect(started).toEqual([0, 1])
  ends[1]?.()
  expect(await works[1]).toBe(1)
  expect(started).toEqual([0, 1, 2])
  ends[0]?.()
  expect(await works[0]).toBe(0)
  expect(started).toEqual([0, 1, 2, 3])
  ends[2]?.()
  ends[3]?.()
  expect(await Promise.all(works)).toEqual([0, 1, 2, 3])
})

test('a turn that fails passes on', async () => {
  const turns = new Turns(1)
  const first = turns.take(() => Promise.reject(new Error('broken')))
  const second = turns.take(async () => 'done')
  await expect(first).rejects.toThrow('broken')
  expect(await second).toBe('done')
  expect(await turns.take(async () => 'again')).toBe('again')
})
