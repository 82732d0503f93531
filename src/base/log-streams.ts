/** Standard output and standard error as places for logs: what names them, and that nobody has to wait for whoever reads them. */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { loadLibc } from './libc.ts'

/** Standard output, standard error. */
export type StandardStream = 1 | 2

/** Which stream a path like `/dev/stderr` or `/proc/self/fd/2` names; undefined: none. */
export function standardStreamOf(path: string): StandardStream | undefined {
  if (/^\/dev\/stdout$|^\/(dev|proc\/self)\/fd\/1$/.test(path)) return 1
  return /^\/dev\/stderr$|^\/(dev|proc\/self)\/fd\/2$/.test(path) ? 2 : undefined
}

/** Whether nobody else has the open file description of these, and with it whether it blocks. */
const areOwn: Record<StandardStream, boolean> = { 1: false, 2: false }

/** Whether a write to this pipe or terminal never blocks, whatever other processes do. */
export function isUnblocked(fd: StandardStream): boolean {
  return areOwn[fd]
}

/**
 * Makes standard output and standard error non-blocking for this process and for nobody else: pipes and terminals are opened
 * anew. Where that is not allowed they stay as they are.
 */
export function unblockStandardStreams(): void {
  const libc = loadLibc()
  if (libc === undefined) return
  for (const fd of STREAMS) {
    const own = openOwn(fd)
    if (own === undefined) continue
    libc.dup2(own, fd)
    closeSync(own)
    areOwn[fd] = true
  }
}

/** As `unblockStandardStreams`, in a process that was given them as its own (`openOwn`). */
export function unblockGivenStreams(): void {
  const libc = loadLibc()
  if (libc === undefined) return
  for (const fd of STREAMS) {
    // Whoever starts a process makes them blocking on the way.
    if (!isStream(fstatSync(fd))) continue
    areOwn[fd] = libc.ioctl(fd, FIONBIO, Uint8Array.of(1, 0, 0, 0)) === 0
  }
}

/**
 * Opens a stream anew, for a child: with a description that is shared, one process makes it blocking for all when it starts another
 * one, and when it ends. Undefined: it is no pipe and no terminal, is closed, has no reader, or is somebody else's.
 */
export function openOwn(fd: StandardStream): number | undefined {
  try {
    if (!isStream(fstatSync(fd))) return undefined
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
    return openSync(`/proc/self/fd/${fd}`, flags)
  } catch {
    return undefined
  }
}

const STREAMS = [1, 2] as const
const FIONBIO = 0x5421n

/** Whether it can be written to without blocking. */
export function isStream(stats: Stats): boolean {
  return stats.isFIFO() || stats.isCharacterDevice()
}
