/** Every special range of IANA's registries: its first and last address, and those beside it. */
import { expect, test } from 'vitest'
import { addressKind } from '../../../src/outbound/address-kind.ts'

const RANGES: ReadonlyArray<readonly [kind: string, ...addresses: readonly string[]]> = [
  ['unusable', '0.0.0.0', '0.255.255.255'],
  ['public', '1.0.0.0', '9.255.255.255'],
  ['private', '10.0.0.0', '10.255.255.255'],
  ['public', '11.0.0.0', '100.63.255.255'],
  ['private', '100.64.0.0', '100.127.255.255'],
  ['public', '100.128.0.0', '126.255.255.255'],
  ['loopback', '127.0.0.0', '127.0.0.1', '127.255.255.255'],
  ['public', '128.0.0.0', '169.253.255.255'],
  ['link-local', '169.254.0.0', '169.254.169.254', '169.254.255.255'],
  ['public', '169.255.0.0', '172.15.255.255'],
  ['private', '172.16.0.0', '172.31.255.255'],
  ['public', '172.32.0.0', '191.255.255.255'],
  ['unusable', '192.0.0.0', '192.0.0.170', '192.0.0.255'],
  ['public', '192.0.1.0', '192.0.1.255'],
  ['unusable', '192.0.2.0', '192.0.2.255'],
  ['public', '192.0.3.0', '192.31.195.255'],
  ['unusable', '192.31.196.0', '192.31.196.255'],
  ['unusable', '192.52.193.0', '192.52.193.255'],
  ['public', '192.88.98.255', '192.88.100.0'],
  ['unusable', '192.88.99.0', '192.88.99.255'],
  ['public', '192.167.255.255', '192.169.0.0'],
  ['private', '192.168.0.0', '192.168.255.255'],
  ['unusable', '192.175.48.0', '192.175.48.255'],
  ['public', '198.17.255.255', '198.20.0.0'],
  ['unusable', '198.18.0.0', '198.19.255.255'],
  ['public', '198.51.99.255', '198.51.101.0'],
  ['unusable', '198.51.100.0', '198.51.100.255'],
  ['public', '203.0.112.255', '203.0.114.0', '223.255.255.255'],
  ['unusable', '203.0.113.0', '203.0.113.255'],
  ['unusable', '224.0.0.0', '239.255.255.255'],
  ['unusable', '240.0.0.0', '255.255.255.254', '255.255.255.255'],
  ['unusable', '::'],
  ['loopback', '::1'],
  ['unusable', '::2', '::127.0.0.1', '::ffff:0:0'],
  // With an IPv4 address inside: mapped, translated, 6to4, Teredo.
  ['unusable', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1'],
  ['unusable', '::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1'],
  ['unusable', '2002::', '2002:7f00:1::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['unusable', '2001::', '2001:0:ffff:ffff::', '2001:1ff:ffff::', '2001:10::', '2001:20::'],
  ['public', '2000::', '2001:200::', '2001:db7:ffff::', '2001:4860:4860::8888', '2a00::1'],
  ['unusable', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['public', '2001:db9::', '2001:ffff::', '2003::', '2620:4f:7fff::', '2620:4f:8001::'],
  ['unusable', '2620:4f:8000::', '2620:4f:8000:ffff::'],
  ['public', '3ffe:ffff::', '3fff:1000::'],
  ['unusable', '3fff::', '3fff:fff:ffff::'],
  // Nobody has been given these.
  ['unusable', '100::', '100::ffff', '1fff::', '4000::', '5f00::1', 'e000::', 'fbff::'],
  ['private', 'fc00::', 'fd00::1', 'fdff:ffff::'],
  ['unusable', 'fe00::', 'fe7f::', 'fec0::1', 'feff::'],
  ['link-local', 'fe80::', 'fe80::1', 'febf:ffff::', 'fe80::1%eth0', 'ff02::1%1'],
  ['unusable', 'ff00::', 'ff02::1', 'ff0e::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['unusable', '', 'localhost', '127.1', '0x7f.0.0.1', '1.2.3', '256.0.0.1', ':::'],
]

for (const [kind, ...addresses] of RANGES) {
  test.each(addresses)(`%s is ${kind}`, (address) => expect(addressKind(address)).toBe(kind))
}
