/** What an import is shown for the tenant's folders that it may write to in a worker, while nothing of what it does is kept. */
import type { Clock } from '../base/clock.ts'
import type { ImportLimits } from '../store/publisher-protocol.ts'
import { copyTree } from '../wasi/copy-tree.ts'
import { Errno } from '../wasi/errno.ts'
import type { DirectoryNode } from '../wasi/filesystem.ts'
import { openHostDirectory } from '../wasi/host-directory.ts'
import { createScratchDirectory, type MemoryDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../wasi/memory-quota.ts'

export interface WritableFolders {
  /** `guest`: where the import sees it. Throws WASI_BAD_DIRECTORY. */
  open(host: string, guest: string): DirectoryNode
}

/** The folders themselves, which cannot be written to. */
export class WatchedFolders implements WritableFolders {
  /** What the import wanted and did not get, for people. */
  readonly refused = new Set<string>()

  open(host: string, guest: string): DirectoryNode {
    const onRefused = (): void => void this.refused.add(`it writes to ${guest} when it is imported`)
    return openHostDirectory(host, { writable: false, onRefused })
  }
}

/** A folder on a disk may be as deep as its path is long. */
const COPY_DEPTH = 2048

/** Copies in memory. Each may be as large as `/tmp`, and what is written to it as large again. */
export class CopiedFolders implements WritableFolders {
  readonly #clock: Clock
  readonly #limits: ImportLimits
  readonly #copies: MemoryDirectory[] = []
  #isPartial = false

  constructor(clock: Clock, limits: ImportLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Whether an import may have failed for that alone: something is missing in a copy, or did not fit. */
  get isTooSmall(): boolean {
    return this.#isPartial || this.#copies.some(({ quota }) => quota.hasRefused)
  }

  open(host: string): DirectoryNode {
    const { tmpBytes, tmpFiles } = this.#limits
    const copy = createScratchDirectory(this.#clock, {
      ...DEFAULT_MEMORY_LIMITS,
      bytes: 2 * tmpBytes,
      files: 2 * tmpFiles,
      depth: COPY_DEPTH,
    })
    this.#copies.push(copy)
    const from = openHostDirectory(host, { writable: false })
    const errno = copyTree(from, copy)
    from.release()
    const { bytes, files } = copy.quota
    this.#isPartial ||= errno !== Errno.SUCCESS || bytes > tmpBytes || files > tmpFiles
    return copy
  }
}
