/** Many things, some at once. */
import { expect, test } from 'vitest'
import { someAtOnce } from '../../../src/base/some-at-once.ts'

/** Work that ends when it is told to, in any order. */
class Hand {
  readonly begun: number[] = []
  readonly #ends = new Map<number, PromiseWithResolvers<void>>()

  readonly work = (item: number): Promise<void> => {
    this.begun.push(item)
    const end = Promise.withResolvers<void>()
    this.#ends.set(item, end)
    return end.promise
  }

  async end(item: number): Promise<void> {
    this.#ends.get(item)?.resolve()
    await turn()
  }

  async fail(item: number, error: Error): Promise<void> {
    this.#ends.get(item)?.reject(error)
    await turn()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('no more are under way than may be, and each is done once, in order', async () => {
  const hand = new Hand()
  const all = someAtOnce([1, 2, 3, 4], 2, hand.work)
  expect(hand.begun).toEqual([1, 2])
  await hand.end(2)
  expect(hand.begun).toEqual([1, 2, 3])
  await hand.end(1)
  await hand.end(3)
  await hand.end(4)
  await all
  expect(hand.begun).toEqual([1, 2, 3, 4])
})

test('fewer than may be at once, and none', async () => {
  const done: number[] = []
  await someAtOnce([7], 9, (item) => Promise.resolve(void done.push(item)))
  await someAtOnce([], 9, (item) => Promise.resolve(void done.push(item)))
  expect(done).toEqual([7])
})

test('after a failure none is begun any more, and the first one is thrown when the others are over', async () => {
  const hand = new Hand()
  let thrown: unknown
  const all = someAtOnce([1, 2, 3, 4], 2, hand.work).catch((error: unknown) => {
    thrown = error
  })
  const first = new Error('the first')
  await hand.fail(2, first)
  expect(thrown).toBeUndefined()
  await hand.fail(1, new Error('the second'))
  await all
  expect(thrown).toBe(first)
  expect(hand.begun).toEqual([1, 2])
})
