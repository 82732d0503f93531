import { expect, test } from 'vitest'
import { SLAB_BYTES, slabCopy } from '../../../src/base/slab-copy.ts'

const ROOM = Buffer.alloc(65_536)

/** Each filled with its own number, as what comes is read into one memory. */
function copies(lengths: readonly number[]): Buffer[] {
  return lengths.map((length, index) => slabCopy(ROOM.fill(index + 1), length))
}

for (const length of [0, 1, 900, SLAB_BYTES / 2, SLAB_BYTES / 2 + 1, SLAB_BYTES, ROOM.length]) {
  test(`each of 40 copies of ${length} bytes keeps what it was made with, and no byte of another`, () => {
    for (const [index, copy] of copies(Array.from({ length: 40 }, () => length)).entries()) {
      expect(copy).toHaveLength(length)
      expect(copy.every((byte) => byte === index + 1)).toBe(true)
    }
  })
}

test('small ones lie together, and keep a slab at most; large ones keep no more than themselves', () => {
  const [first, second, large] = copies([900, 900, 5000])
  expect(first?.buffer).toBe(second?.buffer)
  expect(first?.buffer.byteLength).toBe(SLAB_BYTES)
  expect(large?.buffer.byteLength).toBe(5000)
})

test('copies of all sizes never overlap', () => {
  const all = copies(Array.from({ length: 200 }, (_, index) => (index * 97) % 4096))
  for (const [index, copy] of all.entries()) copy.fill(index)
  expect(all.every((copy, index) => copy.every((byte) => byte === index))).toBe(true)
})
