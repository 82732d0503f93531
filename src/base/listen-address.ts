/**
 * Where a server listens: `/path`, `unix:path`, `host:port`, `[v6]:port` or `port`; or a socket that somebody else has
 * opened: `systemd:NAME` (socket activation), `fd:N`, or `inherited` (file descriptor 0).
 */
import { isIPv4, isIPv6 } from 'node:net'

export interface TcpAddress {
  readonly kind: 'tcp'
  /** A name or an address without brackets; `::` for all addresses. */
  readonly host: string
  /** 0: the kernel chooses. */
  readonly port: number
}

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | TcpAddress
  /** A listening socket the process was started with. */
  | { readonly kind: 'fd'; readonly fd: number }
  /** The sockets systemd hands over under this name (`FileDescriptorName=`). */
  | { readonly kind: 'systemd'; readonly name: string }

/** sun_path holds 108 bytes, a final NUL included. */
export const MAX_SOCKET_PATH_BYTES = 107

const HOST_PORT = /^(?:(?:\[([^\]]+)\]|([^:]*)):)?([0-9]{1,5})$/
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

/** Reads an address; undefined when it is none. A relative path stays relative. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const path = /^unix:(.+)$/s.exec(text)?.[1] ?? (text.includes('/') ? text : undefined)
  if (path !== undefined) {
    return path.includes('\0') || path.endsWith('/') ? undefined : { kind: 'unix', path }
  }
  if (text === 'inherited') return { kind: 'fd', fd: 0 }
  const descriptor = /^fd:([0-9]{1,6})$/.exec(text)?.[1]
  if (descriptor !== undefined) return { kind: 'fd', fd: Number(descriptor) }
  const unit = /^systemd:([^:\s\0]+)$/.exec(text)?.[1]
  if (unit !== undefined) return { kind: 'systemd', name: unit }
  return parseTcp(text)
}

function parseTcp(text: string): ListenAddress | undefined {
  const [, bracketed, name, digits] = HOST_PORT.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  if (bracketed !== undefined) {
    return isIPv6(bracketed) ? { kind: 'tcp', host: bracketed, port } : undefined
  }
  if (name === undefined || name === '' || name === '*') return { kind: 'tcp', host: '::', port }
  // A name whose last label is a number is a mistyped IPv4 address.
  const isName = HOST_NAME.test(name) && !/(?:^|\.)[0-9]+\.?$/.test(name)
  return isName || isIPv4(name) ? { kind: 'tcp', host: name, port } : undefined
}

/** The address as text, one form for equal addresses, which `parseListenAddress` reads. */
export function printListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return address.path
  if (address.kind === 'fd') return `fd:${address.fd}`
  if (address.kind === 'systemd') return `systemd:${address.name}`
  const { host, port } = address
  return host.includes(':') ? `[${host.toLowerCase()}]:${port}` : `${host.toLowerCase()}:${port}`
}

/** Whether only this machine can reach the address, or whoever opened the socket has decided who can. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind !== 'tcp' || isLoopbackHost(address.host)
}

/** Whether only this machine can reach the host. Names are not looked up: only `localhost` counts. */
export function isLoopbackHost(host: string): boolean {
  const lower = host.toLowerCase()
  if (lower === 'localhost' || lower === '::1') return true
  const v4 = lower.replace(/^::ffff:/, '')
  return isIPv4(v4) && v4.startsWith('127.')
}
