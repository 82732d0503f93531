/** Buffers are kept for whoever wants one of that size, up to a limit. */
import { expect, test } from 'vitest'
import { KeptMemory } from '../../../src/base/kept-memory.ts'
import { returnMemory } from '../../../src/base/return-memory.ts'

const SIZE = 1024

test('what is given can be taken once, by its size', () => {
  const kept = new KeptMemory(4 * SIZE)
  const buffer = new Uint8Array(SIZE)
  kept.give(buffer)
  expect(kept.take(2 * SIZE)).toBeUndefined()
  expect(kept.take(SIZE)).toBe(buffer)
  expect(kept.take(SIZE)).toBeUndefined()
})

test('no more is kept than the limit', () => {
  const kept = new KeptMemory(4 * SIZE)
  kept.give(new Uint8Array(5 * SIZE))
  expect(kept.take(5 * SIZE)).toBeUndefined()
  for (let count = 0; count < 10; count += 1) kept.give(new Uint8Array(SIZE))
  let taken = 0
  while (kept.take(SIZE) !== undefined) taken += 1
  expect(taken).toBe(4)
})

test('sizes that nobody wants any more make room', () => {
  const kept = new KeptMemory(4 * SIZE)
  for (let count = 0; count < 4; count += 1) kept.give(new Uint8Array(SIZE))
  const other = new Uint8Array(2 * SIZE)
  kept.give(other)
  expect(kept.take(SIZE)).toBeUndefined()
  expect(kept.take(2 * SIZE)).toBe(other)
})

test('what is kept goes when V8 collects everything', async () => {
  const kept = new KeptMemory(4 * SIZE)
  kept.give(new Uint8Array(SIZE))
  // What a run of JavaScript has looked at stays until it is over.
  await new Promise(setImmediate)
  returnMemory()
  expect(kept.take(SIZE)).toBeUndefined()
})
