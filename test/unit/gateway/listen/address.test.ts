import { expect, test } from 'vitest'
import {
  formatListenAddress,
  isLoopbackHost,
  parseListenAddress,
} from '../../../../src/gateway/listen/address.ts'

const GOOD = [
  { text: '/run/x.sock', address: { kind: 'unix', path: '/run/x.sock' }, printed: '/run/x.sock' },
  { text: 'unix:/x', address: { kind: 'unix', path: '/x' }, printed: '/x' },
  { text: '127.0.0.1:9000', address: { kind: 'tcp', host: '127.0.0.1', port: 9000 } },
  { text: 'localhost:0', address: { kind: 'tcp', host: 'localhost', port: 0 } },
  { text: 'a-b.example:1', address: { kind: 'tcp', host: 'a-b.example', port: 1 } },
  { text: '[::]:9000', address: { kind: 'tcp', host: '::', port: 9000 } },
  { text: '[::1]:65535', address: { kind: 'tcp', host: '::1', port: 65_535 } },
  { text: '9000', address: { kind: 'tcp', host: undefined, port: 9000 }, printed: '*:9000' },
  { text: '*:9000', address: { kind: 'tcp', host: undefined, port: 9000 } },
  { text: 'inherited', address: { kind: 'fd', fd: 0 }, printed: 'fd:0' },
  { text: 'fd:3', address: { kind: 'fd', fd: 3 } },
  { text: 'systemd:www', address: { kind: 'systemd', name: 'www' } },
]

test.each(GOOD)('reads $text', ({ text, address, printed }) => {
  const parsed = parseListenAddress(text)
  expect(parsed).toEqual(address)
  expect(formatListenAddress(parsed)).toBe(printed ?? text)
})

const BAD = [
  '',
  'x.sock',
  './x.sock',
  '/run/dir/',
  '/run/\0',
  '127.0.0.1',
  '127.0.0.999:1',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0.1:http',
  ':9000',
  '::1:9000',
  '[127.0.0.1]:1',
  '[::1]',
  '70000',
  'fd:x',
  'fd:',
  'systemd:',
  '-x:1',
]

test.each(BAD)('refuses %j', (text) => {
  expect(() => parseListenAddress(text)).toThrow(
    expect.objectContaining({ code: 'GATEWAY_LISTEN_BAD_ADDRESS' }),
  )
})

test('a socket path has at most 107 bytes, not characters', () => {
  const fitting = `/${'x'.repeat(106)}`
  expect(parseListenAddress(fitting)).toEqual({ kind: 'unix', path: fitting })
  for (const long of [`${fitting}x`, `/${'\u00e9'.repeat(54)}`]) {
    expect(() => parseListenAddress(long)).toThrow(
      expect.objectContaining({ code: 'GATEWAY_LISTEN_PATH_TOO_LONG' }),
    )
  }
})

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['localhost', true],
  ['::ffff:127.0.0.1', true],
  ['::ffff:10.0.0.1', false],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example', false],
  [undefined, false],
])('only this machine reaches %s: %s', (host, expected) => {
  expect(isLoopbackHost(host)).toBe(expected)
})
