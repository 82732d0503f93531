import { expect, test } from 'vitest'
import { decodeHeader, encodeHeader } from '../../../src/fastcgi/header.ts'
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

test.each(CASES)('$name is read and printed', ({ bytes, header }) => {
  expect(decodeHeader(hex(bytes))).toEqual(header)
  expect(encodeHeader(header)).toEqual(hex(bytes))
})

test('a header is read where it stands', () => {
  expect(decodeHeader(hex('ffff 01 05 0002 0003 04 00'), 2)).toEqual(header(5, 2, 3, 4))
})

test.each([0, 2, 255])('version %i is refused', (version) => {
  const bytes = hex('01 06 0001 0000 00 00').with(0, version)
  expect(() => decodeHeader(bytes)).toThrow(
    expect.objectContaining({ code: 'FASTCGI_BAD_VERSION' }),
  )
})
