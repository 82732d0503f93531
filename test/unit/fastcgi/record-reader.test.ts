import { expect, test } from 'vitest'
import { RecordReader } from '../../../src/fastcgi/record-reader.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { record } from '../../support/fastcgi/records.ts'

/** What a reader reports for pieces, content put together. */
function read(pieces: readonly Uint8Array[]): string[] {
  const seen: string[] = []
  let content: Uint8Array[] = []
  const reader = new RecordReader({
    recordStarted: (type, id, length) => {
      content = []
      seen.push(`${type}:${id} ${length}`)
    },
    recordContent: (bytes, start, end) => {
      expect(end).toBeGreaterThan(start)
      content.push(bytes.slice(start, end))
    },
    recordEnded: () => {
      seen.push(Buffer.from(join(content)).toString('hex'))
    },
    framingBroken: ({ code }) => {
      seen.push(code)
    },
  })
  for (const piece of pieces) reader.push(piece)
  return seen
}

const CASES = [
  { name: 'an empty record', bytes: hex('01 05 0001 0000 00 00'), seen: ['5:1 0', ''] },
  {
    name: 'padding on full and empty records',
    bytes: hex(
      "01 04 0002 0003 05 00 'abc' 0102030405 01 04 0002 0000 03 00 ffffff 01 05 0002 0000 00 00",
    ),
    seen: ['4:2 3', '616263', '4:2 0', '', '5:2 0', ''],
  },
  {
    name: 'padding of 255 that looks like records',
    bytes: join([
      hex('01 01 0001 0001 ff 00 aa'),
      join(Array.from({ length: 51 }, () => hex('01 05 00 01 00'))),
      hex('01 02 0001 0000 00 00'),
    ]),
    seen: ['1:1 1', 'aa', '2:1 0', ''],
  },
  {
    name: 'another protocol behind a record',
    bytes: hex("01 05 0001 0000 00 00 'GET / HTTP/1.1'"),
    seen: ['5:1 0', '', 'FASTCGI_BAD_VERSION'],
  },
]

test.each(CASES)('reads $name whole, byte by byte, and cut at every offset', ({ bytes, seen }) => {
  expect(read([bytes])).toEqual(seen)
  expect(read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(seen)
  for (let at = 1; at < bytes.length; at++) {
    expect(read([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual(seen)
  }
})

test('the largest record there is', () => {
  const content = new Uint8Array(65_535).fill(0x61)
  const bytes = join([record(5, 65_535, content, 255), record(2, 1)])
  const seen = ['5:65535 65535', '61'.repeat(65_535), '2:1 0', '']
  expect(read([bytes])).toEqual(seen)
  for (const at of [7, 8, 9, 65_542, 65_543, 65_544, 65_797, 65_798, 65_799]) {
    expect(read([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual(seen)
  }
})

test('content is passed on before the record is complete, without copying', () => {
  const parts: ArrayBufferLike[] = []
  const reader = new RecordReader({
    recordStarted: () => {},
    recordContent: (bytes) => {
      parts.push(bytes.buffer)
    },
    recordEnded: () => expect.unreachable(),
    framingBroken: () => expect.unreachable(),
  })
  const piece = hex("01 05 0001 ffff 00 00 'abc'")
  reader.push(piece)
  expect(parts).toEqual([piece.buffer])
  expect(parts[0]).toBe(piece.buffer)
})

test('a wrong first byte is noticed at once', () => {
  expect(read([hex('16')])).toEqual(['FASTCGI_BAD_VERSION'])
})
