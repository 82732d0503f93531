import { expect, test } from 'vitest'
import { RecordWriter } from '../../../src/fastcgi/record-writer.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { splitRecords } from '../../support/fastcgi/records.ts'

function take(writer: RecordWriter, maxBytes = Number.POSITIVE_INFINITY): Uint8Array[] {
  const content: [number, number] = [0, 0]
  const taken = { wire: 0, types: [6, 7] as const, content, emptied: undefined }
  const parts = writer.take([], maxBytes, taken)
  const bytes = join(parts)
  expect(taken.wire).toBe(bytes.length)
  const sums = [6, 7].map((type) =>
    splitRecords(bytes).reduce(
      (sum, sent) => sum + (sent.type === type ? sent.content.length : 0),
      0,
    ),
  )
  expect(taken.content).toEqual(sums)
  return parts
}

function append(writer: RecordWriter, type: number, bytes: Uint8Array, maxContent = 32_760): void {
  writer.append(type, bytes, bytes.length, maxContent)
}

test('a response written in one go is one buffer, padded with zeros', () => {
  const writer = new RecordWriter(0x0102)
  append(writer, 6, hex("'hello'"))
  writer.appendRecord(6, new Uint8Array(0))
  writer.appendRecord(3, hex('00000007 00 000000'))
  expect(writer.pendingBytes).toBe(8 + 8 + 8 + 16)
  expect(take(writer)).toEqual([
    hex(`01 06 0102 0005 03 00 'hello' 000000
         01 06 0102 0000 00 00
         01 03 0102 0008 00 00 00000007 00 000000`),
  ])
  expect(writer.pendingBytes).toBe(0)
})

test.each([1, 100, 5_000, 32_760, 32_761, 100_000])(
  '%i bytes and their end leave in one buffer',
  (size) => {
    const writer = new RecordWriter(1)
    append(writer, 6, new Uint8Array(size).fill(0x61))
    writer.appendRecord(6, new Uint8Array(0))
    writer.appendRecord(3, new Uint8Array(8))
    const parts = take(writer)
    expect(parts.length).toBe(1)
    const records = splitRecords(join(parts))
    expect(records.at(-1)?.type).toBe(3)
    for (const { content, padding } of records) {
      expect(content.length).toBeLessThanOrEqual(32_760)
      expect((content.length + padding) % 8).toBe(0)
    }
    const stdout = join(records.filter(({ type }) => type === 6).map(({ content }) => content))
    expect(stdout).toEqual(new Uint8Array(size).fill(0x61))
  },
)

test('small writes become one record until they are taken', () => {
  const writer = new RecordWriter(1)
  append(writer, 6, hex("'a'"))
  append(writer, 6, hex("'b'"))
  expect(splitRecords(join(take(writer))).map(({ content }) => content)).toEqual([hex("'ab'")])
  append(writer, 6, hex("'c'"))
  expect(splitRecords(join(take(writer))).map(({ content }) => content)).toEqual([hex("'c'")])
})

test('another stream starts another record, in order', () => {
  const writer = new RecordWriter(1)
  append(writer, 6, hex("'a'"))
  append(writer, 7, hex("'b'"))
  append(writer, 6, hex("'c'"))
  expect(splitRecords(join(take(writer))).map(({ type }) => type)).toEqual([6, 7, 6])
})

test('what is written is copied', () => {
  const writer = new RecordWriter(1)
  const bytes = hex("'abc'")
  append(writer, 6, bytes)
  bytes.fill(0)
  expect(splitRecords(join(take(writer)))[0]?.content).toEqual(hex("'abc'"))
})

test('a turn takes whole records, and at least one', () => {
  const writer = new RecordWriter(1)
  append(writer, 6, new Uint8Array(100_000), 16_376)
  let left = 100_000
  while (left > 0) {
    const records = splitRecords(join(take(writer, 16_384)))
    expect(records.length).toBe(1)
    left -= records[0]?.content.length ?? 0
  }
  append(writer, 6, new Uint8Array(32_760))
  expect(splitRecords(join(take(writer, 16_384))).length).toBe(1)
})

test('padding never shows memory that was used before', () => {
  for (let round = 0; round < 200; round++) {
    const writer = new RecordWriter(1)
    append(writer, 6, new Uint8Array(1 + ((round * 37) % 3000)).fill(0x3f))
    append(writer, 7, hex('3f'))
    // splitRecords() throws on padding that is not zero.
    expect(splitRecords(join(take(writer))).length).toBeGreaterThan(0)
    append(writer, 6, hex('3f 3f'))
    expect(splitRecords(join(take(writer))).length).toBe(1)
  }
})
