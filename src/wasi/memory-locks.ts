/** The locks of a file in memory: many who share it, or one who has it alone. */
import { Errno } from './errno.ts'
import type { LockKind, OpenFile } from './filesystem.ts'

export class MemoryLocks {
  readonly #holders = new Set<OpenFile>()
  #isExclusive = false

  /** SUCCESS or AGAIN; then the one that `file` had stays. */
  take(file: OpenFile, kind: LockKind): number {
    const others = this.#holders.size - (this.#holders.has(file) ? 1 : 0)
    if (kind === 'none') {
      this.#holders.delete(file)
      return Errno.SUCCESS
    }
    if (others > 0 && (kind === 'exclusive' || this.#isExclusive)) return Errno.AGAIN
    this.#holders.add(file)
    this.#isExclusive = kind === 'exclusive'
    return Errno.SUCCESS
  }
}
