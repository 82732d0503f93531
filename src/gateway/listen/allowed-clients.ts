/** Which peers may connect: `allowed_clients` of a pool, and FCGI_WEB_SERVER_ADDRS (FastCGI 1.0, section 3.2). */
import { BlockList, isIP } from 'node:net'
import { ListenError } from './errors.ts'

/** A set of addresses and networks. */
export interface AllowedClients {
  /** `address` is what the kernel says the peer is; undefined (not TCP, or already gone): never a member. */
  has(address: string | undefined): boolean
}

/**
 * Reads IPv4 and IPv6 addresses and networks (`10.0.0.0/8`). An IPv4 address and its v4-mapped form
 * (`::ffff:10.0.0.1`) are the same, on both sides. Throws `ListenError` (GATEWAY_LISTEN_BAD_CLIENT).
 */
export function parseAllowedClients(entries: readonly string[]): AllowedClients {
  const list = new BlockList()
  for (const entry of entries) addEntry(list, entry.trim())
  return {
    has(address) {
      if (address === undefined) return false
      const plain = unmapped(withoutZone(address))
      const family = isIP(plain)
      return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

/** FCGI_WEB_SERVER_ADDRS: undefined when the variable is not set. An empty list admits nobody. */
export function webServerAddresses(
  environment: Readonly<Record<string, string | undefined>>,
): AllowedClients | undefined {
  const list = environment['FCGI_WEB_SERVER_ADDRS']
  if (list === undefined) return undefined
  return parseAllowedClients(list.split(',').filter((entry) => entry.trim() !== ''))
}

function addEntry(list: BlockList, entry: string): void {
  const slash = entry.indexOf('/')
  const address = withoutZone(slash < 0 ? entry : entry.slice(0, slash))
  const family = isIP(address)
  if (family === 0) throw badClient(entry)
  const bits = family === 4 ? 32 : 128
  const prefix = slash < 0 ? bits : parsePrefix(entry.slice(slash + 1), bits, entry)
  const plain = unmapped(address)
  // A v4-mapped network is an IPv4 network 96 bits shorter; a prefix below 96 spans more than mapped addresses.
  if (family === 6 && isIP(plain) === 4 && prefix >= 96) {
    list.addSubnet(plain, prefix - 96, 'ipv4')
  } else {
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function parsePrefix(digits: string, bits: number, entry: string): number {
  const prefix = /^[0-9]{1,3}$/.test(digits) ? Number(digits) : Number.NaN
  if (!(prefix <= bits)) throw badClient(entry)
  return prefix
}

/** `::ffff:10.0.0.1`, in any spelling, as `10.0.0.1`; other addresses as they are. */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address
  // The URL parser knows the canonical spelling of an IPv6 address: `::ffff:a00:1`.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? []
  if (high === undefined || low === undefined) return address
  const value = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16)
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.')
}

/** Link-local peers come with their interface: `fe80::1%eth0`. */
function withoutZone(address: string): string {
  const percent = address.indexOf('%')
  return percent < 0 ? address : address.slice(0, percent)
}

function badClient(entry: string): ListenError {
  return new ListenError(
    'GATEWAY_LISTEN_BAD_CLIENT',
    `Cannot allow the client ${JSON.stringify(entry)}: wanted an IPv4 or IPv6 address or a network such as 10.0.0.0/8`,
  )
}
