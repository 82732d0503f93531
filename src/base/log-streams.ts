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

/**
 * Makes standard output and standard error non-blocking for this process and its children, and for nobody else: pipes and
 * terminals are opened anew. Where that is not allowed they stay as they are.
 */
export function unblockStandardStreams(): void {
  const libc = loadLibc()
  if (libc === undefined) return
  for (const fd of [1, 2]) {
    try {
      if (!isStream(fstatSync(fd))) continue
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY
      const own = openSync(`/proc/self/fd/${fd}`, flags)
      libc.dup2(own, fd)
      closeSync(own)
    } catch {
      // Closed, without a reader, or somebody else's: a thread of the pool writes there.
    }
  }
}

/** Whether it can be written to without blocking. */
export function isStream(stats: Stats): boolean {
  return stats.isFIFO() || stats.isCharacterDevice()
}
