/**
 * Where a pool listens: `/path`, `unix:path`, `host:port`, `[v6]:port` or `port`; or a socket that somebody else has
 * opened: `systemd:NAME` (socket activation), `fd:N`, or `inherited` (file descriptor 0).
 */
import { isIPv4, isIPv6 } from 'node:net'

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** `host` is a name or an address without brackets; `::` for all addresses. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket the process was started with. */
  | { readonly kind: 'fd'; readonly fd: number }
  /** The sockets systemd hands over under this name (`FileDescriptorName=`). */
  | { readonly kind: 'systemd'; readonly name: string }

/** sun_path holds 108 bytes, a final NUL included. */
export const MAX_SOCKET_PATH_BYTES = 107

/** Reads an address; undefined when it is none. A relative path stays relative. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const path = /^unix:(.+)$/s.exec(text)?.[1] ?? (text.includes('/') ? text : undefined)
  if (path !== undefined) return path.includes('\0') ? undefined : { kind: 'unix', path }
  if (text === 'inherited') return { kind: 'fd', fd: 0 }
  const descriptor = /^fd:([0-9]{1,6})$/.exec(text)?.[1]
  if (descriptor !== undefined) return { kind: 'fd', fd: Number(descriptor) }
  const unit = /^systemd:([^:\s\0]+)$/.exec(text)?.[1]
  if (unit !== undefined) return { kind: 'systemd', name: unit }
  const [, bracketed, name, digits] =
    /^(?:(?:\[([^\]]+)\]|([^:]*)):)?([0-9]{1,5})$/.exec(text) ?? []
  const port = Number(digits ?? 'none')
  if (!(port >= 1 && port <= 65_535)) return undefined
  if (bracketed !== undefined) {
    return isIPv6(bracketed) ? { kind: 'tcp', host: bracketed, port } : undefined
  }
  if (name === undefined || name === '' || name === '*') return { kind: 'tcp', host: '::', port }
  // A name whose last label is a number is a mistyped IPv4 address.
  const isName =
    /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) && !/(?:^|\.)[0-9]+$/.test(name)
  return isName || isIPv4(name) ? { kind: 'tcp', host: name, port } : undefined
}

/** Whether only this machine can reach the address, or whoever opened the socket has decided who can. */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind !== 'tcp') return true
  const host = address.host.toLowerCase()
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** The address as text, one form for equal addresses. */
export function printListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return address.path
  if (address.kind === 'fd') return `fd:${address.fd}`
  if (address.kind === 'systemd') return `systemd:${address.name}`
  const { host, port } = address
  return host.includes(':') ? `[${host.toLowerCase()}]:${port}` : `${host.toLowerCase()}:${port}`
}

/** Whether `text` is an IP address or a network such as `10.0.0.0/8`. */
export function isClientRange(text: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f.:]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? []
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  return Number(bits ?? 0) <= most
}
