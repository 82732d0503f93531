/**
 * Listening sockets the process was started with: file descriptor 0 (FCGI_LISTENSOCK_FILENO, FastCGI 1.0,
 * section 2.2: spawn-fcgi, lighttpd, mod_fcgid, h2o) and systemd's socket activation (sd_listen_fds(3)).
 */
import { fstatSync, readFileSync } from 'node:fs'
import type { ListenAddress } from '../../base/listen-address.ts'
import { ListenError } from './errors.ts'

/** A socket from systemd. */
export interface ActivatedSocket {
  readonly fd: number
  /** `FileDescriptorName=` of the socket unit; `unknown` without one. Several sockets may share a name. */
  readonly name: string
}

/** FastCGI 1.0, section 2.2. */
const FCGI_LISTENSOCK_FILENO = 0

const SD_LISTEN_FDS_START = 3
const MAX_ACTIVATED_SOCKETS = 1024

/** `__SO_ACCEPTCON` in the flags column of /proc/net/unix. */
const SO_ACCEPTCON = 0x10000

/** `TCP_LISTEN` in the state column of /proc/net/tcp. */
const TCP_LISTEN = '0A'

/** Whether a web server (or spawn-fcgi) has started this process with a listening socket as standard input. */
export function hasInheritedListener(): boolean {
  return isListeningSocket(FCGI_LISTENSOCK_FILENO)
}

/**
 * Whether `fd` is a socket that accepts connections. Asks the kernel's tables instead of getpeername(), which Node does
 * not offer; a socket they do not list (another network namespace, no procfs) is taken for one: listening on it will tell.
 */
export function isListeningSocket(fd: number): boolean {
  const inode = socketInode(fd)
  if (inode === undefined) return false
  // Unix: Num RefCount Protocol Flags Type St Inode Path
  const unix = findRow('/proc/self/net/unix', 6, inode)
  if (unix !== undefined) return (Number.parseInt(unix[3] ?? '0', 16) & SO_ACCEPTCON) !== 0
  // TCP: sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ...
  for (const table of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
    const tcp = findRow(table, 9, inode)
    if (tcp !== undefined) return tcp[3] === TCP_LISTEN
  }
  return true
}

/** Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. Empty unless they are meant for the process `pid`. */
export function activatedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly ActivatedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment
  if (LISTEN_PID === undefined || Number(LISTEN_PID) !== pid) return []
  const count = /^[0-9]{1,4}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0
  const names = (LISTEN_FDNAMES ?? '').split(':')
  return Array.from({ length: Math.min(count, MAX_ACTIVATED_SOCKETS) }, (_, index) => ({
    fd: SD_LISTEN_FDS_START + index,
    name: names[index] || 'unknown',
  }))
}

/**
 * The file descriptors an `fd:N` or `systemd:NAME` address stands for; undefined for other addresses.
 * Throws `ListenError` (GATEWAY_LISTEN_NOT_INHERITED).
 */
export function inheritedDescriptors(
  address: ListenAddress,
  activated: readonly ActivatedSocket[],
): readonly number[] | undefined {
  if (address.kind === 'fd') {
    if (isListeningSocket(address.fd)) return [address.fd]
    throw notInherited(`fd:${address.fd}`, 'this file descriptor is not a listening socket')
  }
  if (address.kind !== 'systemd') return undefined
  const found = activated.filter(({ name }) => name === address.name).map(({ fd }) => fd)
  if (found.length > 0) return found
  const names = activated.map(({ name }) => name).join(', ') || 'none'
  throw notInherited(`systemd:${address.name}`, `systemd handed over the sockets: ${names}`)
}

function socketInode(fd: number): string | undefined {
  try {
    const stats = fstatSync(fd)
    return stats.isSocket() ? String(stats.ino) : undefined
  } catch {
    // Not open at all.
    return undefined
  }
}

function findRow(table: string, column: number, inode: string): readonly string[] | undefined {
  for (const line of readTable(table).split('\n')) {
    const fields = line.trim().split(/\s+/)
    if (fields[column] === inode) return fields
  }
  return undefined
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // No procfs, or no IPv6: the table has no rows.
    return ''
  }
}

function notInherited(address: string, actual: string): ListenError {
  return new ListenError(
    'GATEWAY_LISTEN_NOT_INHERITED',
    `Cannot listen on ${address}: ${actual}, wanted a listening socket from whoever started this process`,
  )
}
