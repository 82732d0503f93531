/**
 * What kind of address one is (IANA's special-purpose registries of IPv4 and IPv6, and what has an IPv4 address inside).
 * Everything that is not known to be `public` is one of the others.
 */
import { BlockList, isIP } from 'node:net'

export type AddressKind =
  | 'public'
  /** Of a private network, or of carriers' networks. */
  | 'private'
  | 'loopback'
  /** Of this wire only; among them are the metadata services of clouds. */
  | 'link-local'
  /** Unspecified, multicast, broadcast, reserved, for documentation, translated: nobody's to connect to. */
  | 'unusable'

/** The first list that has it decides. */
const IPV4: ReadonlyArray<readonly [AddressKind, BlockList]> = [
  ['loopback', networks('ipv4', '127.0.0.0/8')],
  ['private', networks('ipv4', '10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16')],
  ['link-local', networks('ipv4', '169.254.0.0/16')],
  [
    'unusable',
    networks(
      ...(['ipv4', '0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24'] as const),
      ...['192.31.196.0/24', '192.52.193.0/24', '192.175.48.0/24', '198.18.0.0/15'],
      ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
    ),
  ],
]

const IPV6: ReadonlyArray<readonly [AddressKind, BlockList]> = [
  ['loopback', networks('ipv6', '::1/128')],
  ['private', networks('ipv6', 'fc00::/7')],
  ['link-local', networks('ipv6', 'fe80::/10')],
  // Mapped and translated addresses lead to an IPv4 address, which has ways of its own to be written.
  [
    'unusable',
    networks(
      ...(['ipv6', '2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48'] as const),
      ...['3fff::/20'],
    ),
  ],
  // Of all others only global unicast is given out.
  ['public', networks('ipv6', '2000::/3')],
]

/** What is no address is unusable. */
export function addressKind(address: string): AddressKind {
  // A zone is a wire of this machine.
  if (address.includes('%')) return 'link-local'
  switch (isIP(address)) {
    case 4:
      return kindIn(IPV4, address, 'ipv4') ?? 'public'
    case 6:
      return kindIn(IPV6, address, 'ipv6') ?? 'unusable'
    default:
      return 'unusable'
  }
}

function kindIn(
  lists: ReadonlyArray<readonly [AddressKind, BlockList]>,
  address: string,
  family: 'ipv4' | 'ipv6',
): AddressKind | undefined {
  return lists.find(([, list]) => list.check(address, family))?.[0]
}

function networks(family: 'ipv4' | 'ipv6', ...all: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of all) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
