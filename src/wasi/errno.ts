/** Errnos of WASI preview 1 and how the host's own error codes map to them. An errno is a value here, never an exception. */

import { constants } from 'node:os'

export const Errno = {
  SUCCESS: 0,
  ACCES: 2,
  ADDRNOTAVAIL: 4,
  AGAIN: 6,
  BADF: 8,
  BUSY: 10,
  CONNABORTED: 13,
  CONNREFUSED: 14,
  CONNRESET: 15,
  DQUOT: 19,
  EXIST: 20,
  FAULT: 21,
  FBIG: 22,
  HOSTUNREACH: 23,
  ILSEQ: 25,
  INVAL: 28,
  IO: 29,
  ISDIR: 31,
  LOOP: 32,
  MFILE: 33,
  MLINK: 34,
  NAMETOOLONG: 37,
  NETDOWN: 38,
  NETUNREACH: 40,
  NFILE: 41,
  NODEV: 43,
  NOENT: 44,
  NOLCK: 46,
  NOMEM: 48,
  NOSPC: 51,
  NOSYS: 52,
  NOTDIR: 54,
  NOTEMPTY: 55,
  NOTSOCK: 57,
  NOTSUP: 58,
  NXIO: 60,
  OVERFLOW: 61,
  PERM: 63,
  PIPE: 64,
  PROTO: 65,
  ROFS: 69,
  SPIPE: 70,
  STALE: 72,
  TIMEDOUT: 73,
  TXTBSY: 74,
  XDEV: 75,
  NOTCAPABLE: 76,
} as const

const BY_NODE_CODE: ReadonlyMap<string, number> = new Map(
  Object.entries(Errno).map(([name, errno]) => [`E${name}`, errno]),
)

/** The errno for an error thrown by `node:fs`; anything unknown is `IO`. */
export function errnoOf(error: unknown): number {
  if (!(error instanceof Error) || !('code' in error)) return Errno.IO
  if (error.code === 'ERR_ACCESS_DENIED') return Errno.ACCES
  return BY_NODE_CODE.get(String(error.code)) ?? Errno.IO
}

/** Names with one number (EAGAIN, EWOULDBLOCK) have one errno, too. */
const BY_KERNEL_NUMBER: ReadonlyMap<number, number> = new Map(
  Object.entries(constants.errno).flatMap(([code, number]): [number, number][] => {
    const errno = BY_NODE_CODE.get(code)
    return errno === undefined ? [] : [[number, errno]]
  }),
)

/** The errno for what a call of `base/file-calls.ts` returned: SUCCESS unless it is negative. */
export function errnoOfResult(result: number): number {
  return result >= 0 ? Errno.SUCCESS : (BY_KERNEL_NUMBER.get(-result) ?? Errno.IO)
}

/** Runs an operation of `node:fs`; what it throws becomes an errno. */
export function attempt<Result>(operation: () => Result): Result | number {
  try {
    return operation()
  } catch (error) {
    return errnoOf(error)
  }
}

/** Runs an operation of `node:fs` for its effect: SUCCESS or an errno. */
export function done(operation: () => void): number {
  try {
    operation()
    return Errno.SUCCESS
  } catch (error) {
    return errnoOf(error)
  }
}
