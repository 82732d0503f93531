/** What errnos of connections are called in wasi:sockets. */
import { Errno } from '../../wasi/errno.ts'
import { type Case, caseOf, NONE, some } from '../value.ts'

const NAMES: ReadonlyMap<number, string> = new Map([
  [Errno.ACCES, 'access-denied'],
  [Errno.NOENT, 'name-unresolvable'],
  [Errno.CONNREFUSED, 'connection-refused'],
  [Errno.CONNRESET, 'connection-reset'],
  [Errno.PIPE, 'connection-reset'],
  [Errno.CONNABORTED, 'connection-aborted'],
  [Errno.HOSTUNREACH, 'remote-unreachable'],
  [Errno.NETUNREACH, 'remote-unreachable'],
  [Errno.NETDOWN, 'remote-unreachable'],
  [Errno.TIMEDOUT, 'timeout'],
  [Errno.MFILE, 'new-socket-limit'],
  [Errno.NFILE, 'new-socket-limit'],
  [Errno.AGAIN, 'new-socket-limit'],
])

/** What 0.3 has in text only. */
const OTHERS: ReadonlySet<string> = new Set(['name-unresolvable', 'new-socket-limit'])

/** The `error-code` of 0.2. */
export function socketErrorOf(errno: number): string {
  return NAMES.get(errno) ?? 'unknown'
}

/** That of 0.3. */
export function socketErrorOf3(errno: number): Case {
  const name = NAMES.get(errno)
  if (name === undefined) return caseOf('other', errno === Errno.DQUOT ? some('quota') : NONE)
  return OTHERS.has(name) ? caseOf('other', some(name)) : caseOf(name)
}
