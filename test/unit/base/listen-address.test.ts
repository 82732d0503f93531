import { expect, test } from 'vitest'
import {
  isLocal,
  isLoopbackHost,
  type ListenAddress,
  parseListenAddress,
  printListenAddress,
} from '../../../src/base/listen-address.ts'

const tcp = (host: string, port: number): ListenAddress => ({ kind: 'tcp', host, port })
const unix = (path: string): ListenAddress => ({ kind: 'unix', path })

const GOOD: ReadonlyArray<readonly [text: string, address: ListenAddress, printed: string]> = [
  ['/run/www.sock', unix('/run/www.sock'), '/run/www.sock'],
  ['run/www.sock', unix('run/www.sock'), 'run/www.sock'],
  ['unix:/run/www.sock', unix('/run/www.sock'), '/run/www.sock'],
  ['unix:www.sock', unix('www.sock'), 'www.sock'],
  ['127.0.0.1:9000', tcp('127.0.0.1', 9000), '127.0.0.1:9000'],
  ['LocalHost:9000', tcp('LocalHost', 9000), 'localhost:9000'],
  ['localhost:0', tcp('localhost', 0), 'localhost:0'],
  ['a-b.example:1', tcp('a-b.example', 1), 'a-b.example:1'],
  ['web_1:9000', tcp('web_1', 9000), 'web_1:9000'],
  ['fpm.internal.:9000', tcp('fpm.internal.', 9000), 'fpm.internal.:9000'],
  ['127.0.0.1.example:9000', tcp('127.0.0.1.example', 9000), '127.0.0.1.example:9000'],
  ['[::1]:65535', tcp('::1', 65_535), '[::1]:65535'],
  ['[FD00::1]:9000', tcp('FD00::1', 9000), '[fd00::1]:9000'],
  ['[::]:9000', tcp('::', 9000), '[::]:9000'],
  ['9000', tcp('::', 9000), '[::]:9000'],
  ['*:9000', tcp('::', 9000), '[::]:9000'],
  [':9000', tcp('::', 9000), '[::]:9000'],
  ['systemd:www', { kind: 'systemd', name: 'www' }, 'systemd:www'],
  ['fd:3', { kind: 'fd', fd: 3 }, 'fd:3'],
  ['inherited', { kind: 'fd', fd: 0 }, 'fd:0'],
]
for (const [text, address, printed] of GOOD) {
  test(`${JSON.stringify(text)} is an address`, () => {
    expect(parseListenAddress(text)).toEqual(address)
    expect(printListenAddress(address)).toBe(printed)
    expect(printListenAddress(parseListenAddress(printed) ?? address)).toBe(printed)
  })
}

const BAD = [
  '',
  'www.sock',
  'unix:',
  'unix:/run/\0',
  '/run/\0',
  '/run/dir/',
  'host',
  '127.0.0.1',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0.1:http',
  '127.0.0.999:1',
  '10.0.0.300:9000',
  '10.0.0.1.:9000',
  '-x:1',
  'a..b:1',
  '::1:9000',
  '[::1]',
  '[127.0.0.1]:1',
  '70000',
  'fd:',
  'fd:x',
  'systemd:',
  'systemd:a:b',
]
for (const text of BAD) {
  test(`${JSON.stringify(text)} is none`, () => expect(parseListenAddress(text)).toBeUndefined())
}

const HOSTS: ReadonlyArray<readonly [host: string, isLoopback: boolean]> = [
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['localhost', true],
  ['LocalHost', true],
  ['::ffff:127.0.0.1', true],
  ['::FFFF:127.0.0.1', true],
  ['::ffff:10.0.0.1', false],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example', false],
  ['localhost.example', false],
]
for (const [host, isLoopback] of HOSTS) {
  test(`only this machine reaches ${host}: ${isLoopback}`, () => {
    expect(isLoopbackHost(host)).toBe(isLoopback)
    expect(isLocal(tcp(host, 9000))).toBe(isLoopback)
  })
}

test('whoever opened a socket has decided who can reach it', () => {
  expect(isLocal(unix('/run/www.sock'))).toBe(true)
  expect(isLocal({ kind: 'fd', fd: 3 })).toBe(true)
  expect(isLocal({ kind: 'systemd', name: 'www' })).toBe(true)
})
