import { expect, test } from 'vitest'
import { GatheredBytes } from '../../../src/fastcgi/gathered-bytes.ts'

/** Lengths in bytes: of a piece, and of the memory in which it lies; and what it is counted for. */
const FIRST_PIECES = [
  { name: 'most of its memory', piece: 30_000, memory: 65_536, isView: true, counted: 30_000 },
  { name: 'a little of a lot', piece: 600, memory: 65_536, isView: false, counted: 600 },
  { name: 'a little of a little', piece: 600, memory: 8192, isView: true, counted: 8192 },
  { name: 'hardly any of a little', piece: 200, memory: 8192, isView: false, counted: 200 },
  { name: 'all of a little', piece: 600, memory: 1024, isView: true, counted: 600 },
]

for (const { name, piece, memory, isView, counted } of FIRST_PIECES) {
  test(`${name}: ${isView ? 'a view of it, counted for what it keeps' : 'a copy'}`, () => {
    const chunk = new Uint8Array(new ArrayBuffer(memory)).fill(7)
    const gathered = new GatheredBytes()
    expect(gathered.append(chunk, 100, 100 + piece)).toBe(counted)
    expect(gathered.view().buffer === chunk.buffer).toBe(isView)
    expect(gathered.view().equals(Buffer.alloc(piece, 7))).toBe(true)
  })
}

test('a second piece makes a copy of both, and the first memory stays as it is', () => {
  const chunk = new Uint8Array(8192).fill(1)
  const gathered = new GatheredBytes()
  gathered.append(chunk, 0, 600)
  expect(gathered.append(Buffer.from('abc'), 0, 3)).toBe(3)
  expect(gathered.view().toString('latin1', 599)).toBe('\x01abc')
  expect(chunk.every((byte) => byte === 1)).toBe(true)
})
