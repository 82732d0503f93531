import { expect, test } from 'vitest'
import {
  parseAllowedClients,
  webServerAddresses,
} from '../../../../src/gateway/listen/allowed-clients.ts'

const CASES = [
  { entries: ['10.0.0.1'], in: ['10.0.0.1', '::ffff:10.0.0.1'], out: ['10.0.0.2', '::10.0.0.1'] },
  { entries: ['::ffff:10.0.0.1'], in: ['10.0.0.1', '::ffff:a00:1'], out: ['10.0.0.2'] },
  { entries: ['10.1.0.0/16'], in: ['10.1.255.255', '::ffff:10.1.2.3'], out: ['10.2.0.0'] },
  { entries: ['::ffff:10.1.0.0/112'], in: ['10.1.9.9'], out: ['10.2.0.0'] },
  // The last four bytes count, too: php-fpm compares only the first twelve.
  { entries: ['2001:db8::1'], in: ['2001:db8:0:0::1'], out: ['2001:db8::2', '2001:db8::1:1'] },
  { entries: ['2001:db8::/32'], in: ['2001:db8:ffff::1'], out: ['2001:db9::1', '10.0.0.1'] },
  { entries: ['fe80::1'], in: ['fe80::1%eth0'], out: ['fe80::2%eth0'] },
  { entries: [' 127.0.0.1 ', '::1'], in: ['127.0.0.1', '::1'], out: ['127.0.0.2'] },
  { entries: ['0.0.0.0/0'], in: ['1.2.3.4', '::ffff:1.2.3.4'], out: ['2001:db8::1'] },
  { entries: [], in: [], out: ['127.0.0.1', '::1', 'x', ''] },
]

test.each(CASES)('$entries', ({ entries, in: members, out: others }) => {
  const clients = parseAllowedClients(entries)
  for (const address of members) expect([address, clients.has(address)]).toEqual([address, true])
  for (const address of others) expect([address, clients.has(address)]).toEqual([address, false])
  expect(clients.has(undefined)).toBe(false)
})

test.each(['', 'x', 'example.org', '10.0.0.1/33', '10.0.0.1/', '10.0.0.1/-1', '::1/129', '10.0.0'])(
  'refuses the entry %j',
  (entry) => {
    expect(() => parseAllowedClients([entry])).toThrow(
      expect.objectContaining({ code: 'GATEWAY_LISTEN_BAD_CLIENT' }),
    )
  },
)

test('FCGI_WEB_SERVER_ADDRS: no list is no rule, an empty list admits nobody', () => {
  expect(webServerAddresses({})).toBeUndefined()
  expect(webServerAddresses({ FCGI_WEB_SERVER_ADDRS: '' })?.has('127.0.0.1')).toBe(false)
  const two = webServerAddresses({ FCGI_WEB_SERVER_ADDRS: '199.170.183.28,199.170.183.71' })
  expect(two?.has('199.170.183.71')).toBe(true)
  expect(two?.has('199.170.183.72')).toBe(false)
})
