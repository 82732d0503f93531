import { expect, test } from 'vitest'
import { TextBlock } from '../../../src/base/text-block.ts'

const NONE = new Uint8Array(0)
const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

test('texts of two parts lie one behind the other, each with a NUL', () => {
  const block = new TextBlock()
  block.putText(bytesOf('A='), 'b\xe9')
  block.putBytes(bytesOf('B='), bytesOf('..\xff1..'), 2, 4)
  block.putText(NONE, '')
  block.putBytes(bytesOf('C='), NONE, 0, 0)
  expect(Buffer.from(block.bytes).toString('latin1')).toBe('A=b\xe9\0B=\xff1\0\0C=\0')
  expect([block.count, block.length]).toEqual([4, 14])
  expect([0, 1, 2, 3].map((index) => block.startOf(index))).toEqual([0, 5, 10, 11])
  expect(block.texts()).toEqual(['A=b\xe9', 'B=\xff1', '', 'C='])
})

test.each([1, 127, 128, 129, 4_095, 4_096, 4_097, 100_000])('parts of %i bytes', (length) => {
  const block = new TextBlock()
  const long = Array.from({ length }, (_, at) => String.fromCharCode(1 + (at % 255))).join('')
  for (let round = 0; round < 2; round++) {
    block.putText(bytesOf('A='), long)
    block.putBytes(bytesOf(long), bytesOf(`..${long}`), 2, 2 + length)
    expect(block.texts()).toEqual([`A=${long}`, long + long])
    block.clear()
    expect([block.count, block.length, block.bytes.length]).toEqual([0, 0, 0])
  }
})

test('the memory of much is given back', () => {
  const block = new TextBlock()
  block.putText(NONE, 'x'.repeat(1_000_000))
  expect(block.bytes.buffer.byteLength).toBeGreaterThan(1_000_000)
  block.clear()
  expect(block.bytes.buffer.byteLength).toBeLessThanOrEqual(65_536)
})
