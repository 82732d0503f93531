import { expect, test } from 'vitest'
import { foreignProtocol } from '../../../../src/gateway/listen/foreign-protocol.ts'

test.each([
  { name: 'HTTP', bytes: 'GET / HTTP/1.1\r\n', expected: 'HTTP' },
  { name: 'HTTP, long target', bytes: 'OPTIONS /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', expected: 'HTTP' },
  { name: 'TLS', bytes: '\x16\x03\x01\x02\x00', expected: 'TLS' },
  { name: 'PROXY 1', bytes: 'PROXY TCP4 1.2.3.4 ', expected: 'PROXY' },
  { name: 'PROXY 2', bytes: '\r\n\r\n\0\r\nQUIT\n', expected: 'PROXY' },
  { name: 'noise', bytes: '\xff\x00', expected: undefined },
  { name: 'nothing', bytes: '', expected: undefined },
])('$name', ({ bytes, expected }) => {
  expect(foreignProtocol(Buffer.from(bytes, 'latin1'))).toBe(expected)
})
