/** Locks of files, which preview 1 lacks (module `wasm_fpm`: flock). */
import { Lock } from './abi.ts'
import { type CallContext, FILE_WORK } from './call-context.ts'
import { Errno } from './errno.ts'
import type { LockKind } from './filesystem.ts'

/** How soon a lock that somebody has is asked for again, at first and at last. */
const [FIRST_MS, LAST_MS] = [1, 10]

const KINDS: ReadonlyMap<number, LockKind> = new Map([
  [Lock.Shared, 'shared'],
  [Lock.Exclusive, 'exclusive'],
  [Lock.Unlock, 'none'],
])

export const LOCK_CALLS = {
  /**
   * Waits until it has the lock, except with NONBLOCK.
   *
   * - BADF: not open
   * - INVAL: no such operation
   * - NOTSUP: not a file
   * - AGAIN: NONBLOCK, and somebody else has it
   * - NOLCK, NOTSUP: what the file system says
   */
  flock: (host: CallContext) => (fd: number, operation: number) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    const kind = KINDS.get(operation & ~Lock.Nonblock)
    if (kind === undefined) return Errno.INVAL
    const { open } = descriptor
    if (open.kind !== 'file') return Errno.NOTSUP
    host.charge(FILE_WORK)
    const take = (): number => {
      const errno = open.lock(kind)
      // Whoever had it before may have changed what it guards.
      if (errno === Errno.SUCCESS) host.ways.clear()
      return errno
    }
    const errno = take()
    if (errno !== Errno.AGAIN || (operation & Lock.Nonblock) !== 0) return errno
    let waitMs = FIRST_MS
    return host.wait(
      (wake) => {
        host.setTimer(waitMs, wake)
        waitMs = Math.min(2 * waitMs, LAST_MS)
      },
      () => {
        const again = take()
        return again === Errno.AGAIN ? undefined : again
      },
    )
  },
}
