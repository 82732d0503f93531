/** Listen addresses as operators write them: php-fpm's forms, and sockets somebody else has opened. */
import { isIP } from 'node:net'
import { ListenError } from './errors.ts'

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** `host` is an IP literal or a name; undefined: every address of the machine. Port 0: the kernel chooses. */
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  /** A listening socket this process was started with. */
  | { readonly kind: 'fd'; readonly fd: number }
  /** A socket handed over by systemd under this name (`FileDescriptorName=`). */
  | { readonly kind: 'systemd'; readonly name: string }

/** `sun_path` has 108 bytes on Linux, the last one for the terminating NUL. */
export const MAX_SOCKET_PATH_BYTES = 107

/** FCGI_LISTENSOCK_FILENO (FastCGI 1.0, section 2.2). */
export const FCGI_LISTENSOCK_FILENO = 0

const HOST_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

/**
 * Reads `/path`, `unix:/path`, `host:port`, `[::]:port`, `*:port`, `port`, `fd:N`, `inherited` (file descriptor 0) or
 * `systemd:NAME`. Throws `ListenError` (GATEWAY_LISTEN_BAD_ADDRESS, GATEWAY_LISTEN_PATH_TOO_LONG).
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('/')) return unixAddress(text)
  if (text.startsWith('unix:/')) return unixAddress(text.slice('unix:'.length))
  if (text === 'inherited') return { kind: 'fd', fd: FCGI_LISTENSOCK_FILENO }
  const descriptor = /^fd:([0-9]{1,6})$/.exec(text)?.[1]
  if (descriptor !== undefined) return { kind: 'fd', fd: Number(descriptor) }
  const name = /^systemd:([^:\s]+)$/.exec(text)?.[1]
  if (name !== undefined) return { kind: 'systemd', name }
  if (/^[0-9]{1,5}$/.test(text))
    return { kind: 'tcp', host: undefined, port: parsePort(text, text) }
  return tcpAddress(text)
}

/** The address in the form `parseListenAddress` reads. */
export function formatListenAddress(address: ListenAddress): string {
  switch (address.kind) {
    case 'unix':
      return address.path
    case 'tcp': {
      if (address.host === undefined) return `*:${address.port}`
      const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host
      return `${host}:${address.port}`
    }
    case 'fd':
      return `fd:${address.fd}`
    case 'systemd':
      return `systemd:${address.name}`
  }
}

/** Whether only this machine can reach the host. Names are not looked up: only `localhost` counts. */
export function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined) return false
  const lower = host.toLowerCase()
  if (lower === 'localhost' || lower === '::1') return true
  const v4 = lower.startsWith('::ffff:') ? lower.slice('::ffff:'.length) : lower
  return isIP(v4) === 4 && v4.startsWith('127.')
}

/** Throws GATEWAY_LISTEN_PATH_TOO_LONG: the kernel, or worse a library above it, would cut the path. */
export function checkSocketPathLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return
  throw new ListenError(
    'GATEWAY_LISTEN_PATH_TOO_LONG',
    `Cannot listen on ${path}: ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES}`,
    { details: { bytes } },
  )
}

function unixAddress(path: string): ListenAddress {
  if (path.includes('\0') || path.endsWith('/')) throw badAddress(path)
  checkSocketPathLength(path)
  return { kind: 'unix', path }
}

function tcpAddress(text: string): ListenAddress {
  const [, v6, host, port] = HOST_PORT.exec(text) ?? []
  if (port === undefined) throw badAddress(text)
  if (v6 !== undefined) {
    if (isIP(v6) !== 6) throw badAddress(text)
    return { kind: 'tcp', host: v6, port: parsePort(port, text) }
  }
  if (host === '*') return { kind: 'tcp', host: undefined, port: parsePort(port, text) }
  // Four numbers that are no IPv4 address ("127.0.0.999") are a mistake, not a name to look up.
  const isName = host !== undefined && HOST_NAME.test(host) && !/^[0-9.]+$/.test(host)
  if (host === undefined || (isIP(host) !== 4 && !isName)) throw badAddress(text)
  return { kind: 'tcp', host, port: parsePort(port, text) }
}

function parsePort(digits: string, text: string): number {
  const port = Number(digits)
  if (port > 65_535) throw badAddress(text)
  return port
}

function badAddress(text: string): ListenError {
  return new ListenError(
    'GATEWAY_LISTEN_BAD_ADDRESS',
    `Cannot listen on ${JSON.stringify(text)}: wanted an absolute path, host:port, [ipv6]:port, a port, fd:N, systemd:NAME or "inherited"`,
  )
}
