import { expect, test } from 'vitest'
import { writeHeader } from '../../../src/fastcgi/header.ts'
import { RecordReader } from '../../../src/fastcgi/record-reader.ts'
import { hex } from '../../support/fastcgi/hex.ts'

const header = (type: number, requestId: number, contentLength = 0, paddingLength = 0) => ({
  type,
  requestId,
  contentLength,
  paddingLength,
})

const CASES = [
  { name: 'BEGIN_REQUEST', bytes: '01 01 0001 0008 00 00', header: header(1, 1, 8) },
  { name: 'ABORT_REQUEST', bytes: '01 02 00ff 0000 00 00', header: header(2, 255) },
  { name: 'END_REQUEST', bytes: '01 03 0100 0008 00 00', header: header(3, 256, 8) },
  { name: 'PARAMS', bytes: '01 04 0001 0100 00 00', header: header(4, 1, 256) },
  {
    name: 'the largest STDIN',
    bytes: '01 05 ffff ffff ff 00',
    header: header(5, 65535, 65535, 255),
  },
  { name: 'an empty STDOUT', bytes: '01 06 0001 0000 00 00', header: header(6, 1) },
  { name: 'STDERR', bytes: '01 07 0001 00ff 01 00', header: header(7, 1, 255, 1) },
  { name: 'DATA', bytes: '01 08 8000 8000 80 00', header: header(8, 32768, 32768, 128) },
  { name: 'GET_VALUES', bytes: '01 09 0000 000e 02 00', header: header(9, 0, 14, 2) },
  { name: 'GET_VALUES_RESULT', bytes: '01 0a 0000 000f 01 00', header: header(10, 0, 15, 1) },
  { name: 'UNKNOWN_TYPE', bytes: '01 0b 0000 0008 00 00', header: header(11, 0, 8) },
  { name: 'a type nobody has defined', bytes: '01 63 0000 0008 00 00', header: header(99, 0, 8) },
]

/** What a reader takes these bytes for. How long the padding is shows in where the next header begins. */
function read(bytes: Uint8Array): unknown {
  const seen: unknown[] = []
  const reader = new RecordReader({
    recordStarted: (type, requestId, contentLength) => {
      seen.push({ type, requestId, contentLength })
    },
    recordContent: () => {},
    recordEnded: () => {},
    framingBroken: ({ code }) => {
      seen.push(code)
    },
  })
  reader.push(bytes)
  return seen
}

test.each(CASES)('$name is read and printed', ({ bytes, header }) => {
  const { paddingLength, ...rest } = header
  const body = Buffer.alloc(header.contentLength + paddingLength, 0xff)
  const next = hex('01 05 0001 0000 00 00')
  expect(read(Buffer.concat([hex(bytes), body, next]))).toEqual([
    rest,
    { type: 5, requestId: 1, contentLength: 0 },
  ])
  const printed = Buffer.alloc(12, '?')
  writeHeader(printed, 2, header)
  expect(printed).toEqual(Buffer.concat([Buffer.from('??'), hex(bytes), Buffer.from('??')]))
})

test.each([0, 2, 255])('version %i is refused', (version) => {
  expect(read(hex('01 06 0001 0000 00 00').with(0, version))).toEqual(['FASTCGI_BAD_VERSION'])
})
