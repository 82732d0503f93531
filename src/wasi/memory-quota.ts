/** How much one in-memory file system may hold, and how much it does. */
import { Errno } from './errno.ts'

export interface MemoryLimits {
  /** Bytes of file contents, of names and of link targets; and `nodeBytes` for each file, directory and link. */
  readonly bytes: number
  /** Files, directories and links at once. */
  readonly files: number
  /** Directories inside each other. */
  readonly depth: number
  /** Bytes of one name. */
  readonly nameBytes: number
}

export const DEFAULT_MEMORY_LIMITS: MemoryLimits = {
  bytes: 16 * 1024 * 1024,
  files: 1024,
  depth: 32,
  nameBytes: 255,
}

/** What a node costs besides its contents. */
const NODE_BYTES = 256

export class MemoryQuota {
  readonly limits: MemoryLimits
  #bytes = 0
  #files = 0
  /** Whether something was more than fits. */
  hasRefused = false

  constructor(limits: MemoryLimits) {
    this.limits = limits
  }

  /** Bytes charged now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Nodes charged now. */
  get files(): number {
    return this.#files
  }

  /** Charges (or, if negative, gives back) contents: SUCCESS or NOSPC. */
  charge(bytes: number): number {
    if (bytes > 0 && this.#bytes + bytes > this.limits.bytes) return this.#refuse()
    this.#bytes += bytes
    return Errno.SUCCESS
  }

  /** Charges one more node with `bytes` of contents: SUCCESS, or NOSPC. */
  chargeNode(bytes: number): number {
    if (this.#files >= this.limits.files) return this.#refuse()
    const errno = this.charge(NODE_BYTES + bytes)
    if (errno === Errno.SUCCESS) this.#files++
    return errno
  }

  /** Gives a node back. */
  releaseNode(bytes: number): void {
    this.#files--
    this.#bytes -= NODE_BYTES + bytes
  }

  #refuse(): number {
    this.hasRefused = true
    return Errno.NOSPC
  }
}
