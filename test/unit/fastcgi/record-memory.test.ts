/** Memory of records is used again: only once the socket has what was in it, and nothing of that is ever seen again. */
import { expect, test } from 'vitest'
import { givePiece, MAX_KEPT_BYTES, takePiece } from '../../../src/fastcgi/record-memory.ts'
import { RecordWriter, releaseMemory, type TakenBytes } from '../../../src/fastcgi/record-writer.ts'
import { join } from '../../support/fastcgi/hex.ts'
import { splitRecords } from '../../support/fastcgi/records.ts'

const STDOUT = 6
const CHUNK = 65_536

/** What `write` leaves to be sent, and what is to be called when that has been done. */
function send(write: (writer: RecordWriter) => void): { sent: Uint8Array[]; done: () => void } {
  const writer = new RecordWriter(1)
  write(writer)
  const taken: TakenBytes = { wire: 0, types: [6, 7], content: [0, 0], emptied: undefined }
  const sent = writer.take([], Number.POSITIVE_INFINITY, taken)
  return { sent, done: () => releaseMemory(taken) }
}

function fill(
  writer: RecordWriter,
  byte: number,
  { size = 2 * CHUNK, maxContent = 32_760 } = {},
): void {
  const bytes = new Uint8Array(size).fill(byte)
  for (let at = 0; at < size; at += CHUNK) {
    const part = bytes.subarray(at, at + CHUNK)
    writer.append(STDOUT, part, part.length, maxContent)
  }
}

test('what a response has held is not in the next one', () => {
  const secret = send((writer) => fill(writer, 0xaa))
  const memory = new Set(secret.sent.map(({ buffer }) => buffer))
  secret.done()
  let usedAgain = 0
  // Headers, and padding of 7 bytes, where there was content.
  const [size, maxContent] = [CHUNK + 20_000, 993]
  const next = send((writer) => fill(writer, 0x62, { size, maxContent }))
  for (const part of next.sent) if (memory.has(part.buffer)) usedAgain += 1
  const wire = join(next.sent)
  const content = join(splitRecords(wire).map((record) => record.content))
  expect(content).toEqual(new Uint8Array(size).fill(0x62))
  expect(wire.includes(0xaa)).toBe(false)
  expect(usedAgain).toBeGreaterThan(0)
})

test('memory is not used again while the socket may still read it', () => {
  const first = send((writer) => fill(writer, 0x61))
  const before = join(first.sent)
  const memory = new Set(first.sent.map(({ buffer }) => buffer))
  const second = send((writer) => fill(writer, 0x62))
  expect(second.sent.some(({ buffer }) => memory.has(buffer))).toBe(false)
  expect(join(first.sent)).toEqual(before)
})

test('a response that was taken in parts gives its memory back when the last part has gone', () => {
  const writer = new RecordWriter(1)
  fill(writer, 0x61)
  const emptied: number[] = []
  for (;;) {
    const taken: TakenBytes = { wire: 0, types: [6, 7], content: [0, 0], emptied: undefined }
    writer.take([], 40_000, taken)
    if (taken.wire === 0) break
    emptied.push(taken.emptied?.length ?? 0)
  }
  expect(emptied.length).toBeGreaterThan(2)
  expect(emptied[0]).toBe(0)
  expect(emptied.some((count) => count > 0)).toBe(true)
})

test('no more is kept than the limit', () => {
  const size = 65_536
  const most = MAX_KEPT_BYTES / size
  const pieces = Array.from({ length: most + 1 }, () => takePiece(size))
  for (const piece of pieces.slice(0, most)) givePiece(piece)
  const all = Array.from({ length: most }, () => takePiece(size))
  expect(all.every((piece) => pieces.includes(piece))).toBe(true)
  for (const piece of pieces) givePiece(piece)
  const after = Array.from({ length: most + 1 }, () => takePiece(size))
  expect(after.filter((piece) => pieces.includes(piece))).toHaveLength(most)
})

test('memory of a small response is used by the next one, which holds nothing of it, and not before it has gone', () => {
  const first = send((writer) => fill(writer, 0xaa, { size: 300 }))
  const under = send((writer) => fill(writer, 0x61, { size: 300 }))
  const placeOf = ({ sent }: { sent: Uint8Array[] }) => [sent[0]?.buffer, sent[0]?.byteOffset]
  expect(placeOf(under)).not.toEqual(placeOf(first))
  first.done()
  const next = send((writer) => fill(writer, 0x62, { size: 30 }))
  expect(placeOf(next)).toEqual(placeOf(first))
  expect(join(next.sent).includes(0xaa)).toBe(false)
  expect(join(under.sent).filter((byte) => byte === 0x61)).toHaveLength(300)
})
