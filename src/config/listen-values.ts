/** Where a server listens, to whom, and as whom: values of keys. */
import { type ListenAddress, parseListenAddress, type TcpAddress } from '../base/listen-address.ts'
import { isClientRange } from './client-range.ts'
import { text } from './config-key.ts'

export const listenAddress = {
  type: 'address',
  wanted: 'a socket path, "host:port", "[v6]:port", "port", "systemd:NAME" or "fd:N"',
  read: (value: unknown): ListenAddress | undefined => {
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    const address = parseListenAddress(String(value))
    // A port that the kernel chooses is one that no web server knows.
    return address?.kind === 'tcp' && address.port === 0 ? undefined : address
  },
}
export const tcpAddress = {
  type: 'address',
  wanted: '"host:port", "[v6]:port" or "port"',
  read: (value: unknown): TcpAddress | undefined => {
    const address = listenAddress.read(value)
    return address?.kind === 'tcp' ? address : undefined
  },
}
export const mode = {
  type: 'string',
  wanted: 'octal permission bits that do not let everybody write, such as "0660"',
  read: (value: unknown): number | undefined => {
    if (typeof value !== 'string' || !/^0?[0-7]{3}$/.test(value)) return undefined
    const bits = Number.parseInt(value, 8)
    return (bits & 0o002) === 0 ? bits : undefined
  },
}
export const clientRange = text('an IP address or a network', isClientRange)
/** A user or a group. */
export const account = text('a name or a numeric id', (value) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(value),
)
