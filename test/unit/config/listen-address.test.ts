import { expect, test } from 'vitest'
import {
  isClientRange,
  isLocal,
  parseListenAddress,
  printListenAddress,
} from '../../../src/config/listen-address.ts'

/** Text, canonical text (undefined: refused), whether local. */
const ADDRESSES: ReadonlyArray<readonly [string, string | undefined, boolean]> = [
  ['/run/www.sock', '/run/www.sock', true],
  ['run/www.sock', 'run/www.sock', true],
  ['unix:www.sock', 'www.sock', true],
  ['127.0.0.1:9000', '127.0.0.1:9000', true],
  ['127.8.9.1:9000', '127.8.9.1:9000', true],
  ['LocalHost:9000', 'localhost:9000', true],
  ['[::1]:9000', '[::1]:9000', true],
  ['0.0.0.0:9000', '0.0.0.0:9000', false],
  ['[::]:9000', '[::]:9000', false],
  ['[::ffff:127.0.0.1]:9000', '[::ffff:127.0.0.1]:9000', false],
  ['9000', '[::]:9000', false],
  ['*:9000', '[::]:9000', false],
  [':9000', '[::]:9000', false],
  ['fpm.internal:9000', 'fpm.internal:9000', false],
  ['127.0.0.1.evil.example:9000', '127.0.0.1.evil.example:9000', false],
  ['systemd:www', 'systemd:www', true],
  ['systemd:', undefined, false],
  ['fd:3', 'fd:3', true],
  ['inherited', 'fd:0', true],
  ['10.0.0.300:9000', undefined, false],
  ['::1:9000', undefined, false],
  ['[1.2.3.4]:9000', undefined, false],
  ['host:0', undefined, false],
  ['host:65536', undefined, false],
  ['host', undefined, false],
  ['unix:', undefined, false],
  ['/run/\0', undefined, false],
  ['', undefined, false],
]
for (const [text, printed, local] of ADDRESSES) {
  test(`address ${JSON.stringify(text)}`, () => {
    const address = parseListenAddress(text)
    expect(address && printListenAddress(address)).toBe(printed)
    if (address !== undefined) expect(isLocal(address)).toBe(local)
  })
}

const RANGES: ReadonlyArray<readonly [string, boolean]> = [
  ['127.0.0.1', true],
  ['10.0.0.0/8', true],
  ['10.0.0.0/33', false],
  ['::1', true],
  ['fd00::/8', true],
  ['fd00::/129', false],
  ['example.com', false],
  ['10.0.0.0/', false],
  ['', false],
  ['any', false],
]
for (const [text, allowed] of RANGES) {
  test(`client ${JSON.stringify(text)}`, () => expect(isClientRange(text)).toBe(allowed))
}
