/** An error of a stream, and what an errno of preview 1 is called in wasi:filesystem. */
import { Errno } from '../../wasi/errno.ts'
import { type Case, HostResource } from '../value.ts'

export class IoError extends HostResource {
  readonly errno: number
  /** Of a stream of HTTP: its own code. */
  readonly code: Case | undefined

  constructor(errno: number, code?: Case) {
    super()
    this.errno = errno
    this.code = code
  }
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [Errno.ACCES, 'access'],
  [Errno.AGAIN, 'would-block'],
  [Errno.BADF, 'bad-descriptor'],
  [Errno.BUSY, 'busy'],
  [Errno.DQUOT, 'quota'],
  [Errno.EXIST, 'exist'],
  [Errno.FBIG, 'file-too-large'],
  [Errno.ILSEQ, 'illegal-byte-sequence'],
  [Errno.INVAL, 'invalid'],
  [Errno.ISDIR, 'is-directory'],
  [Errno.LOOP, 'loop'],
  [Errno.MLINK, 'too-many-links'],
  [Errno.NAMETOOLONG, 'name-too-long'],
  [Errno.NODEV, 'no-device'],
  [Errno.NOENT, 'no-entry'],
  [Errno.NOLCK, 'no-lock'],
  [Errno.NOMEM, 'insufficient-memory'],
  [Errno.NOSPC, 'insufficient-space'],
  [Errno.NOTDIR, 'not-directory'],
  [Errno.NOTEMPTY, 'not-empty'],
  [Errno.NOTSUP, 'unsupported'],
  [Errno.NOSYS, 'unsupported'],
  [Errno.NXIO, 'no-such-device'],
  [Errno.OVERFLOW, 'overflow'],
  [Errno.PERM, 'not-permitted'],
  [Errno.NOTCAPABLE, 'not-permitted'],
  [Errno.PIPE, 'pipe'],
  [Errno.ROFS, 'read-only'],
  [Errno.SPIPE, 'invalid-seek'],
  [Errno.TXTBSY, 'text-file-busy'],
  [Errno.XDEV, 'cross-device'],
  [Errno.MFILE, 'insufficient-memory'],
])

/** The `error-code` of wasi:filesystem. */
export function errorCodeOf(errno: number): string {
  return NAMES.get(errno) ?? 'io'
}
