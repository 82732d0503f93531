/**
 * The directories that a guest's latest paths have led to, so that the next path into one of them is one look at its last name.
 *
 * They are kept for moments only, never past a call that waits, and dropped when the guest itself changes what leads where. A
 * program that other programs change the folders of sees what one sees that has changed into a directory: that very one.
 */
import type { DirectoryNode } from './filesystem.ts'

/** For so long a way is taken for granted. */
export const WAY_LIFE_MS = 20
/** Most ways of an instance at once: each may hold a descriptor of the process. */
export const MAX_WAYS = 64

/** A directory, and what a path used up to get there. */
export interface Way {
  readonly directory: DirectoryNode
  /** Directories passed, this one included. */
  readonly depth: number
  readonly steps: number
  readonly links: number
  /** Of the links' texts. */
  readonly bytes: number
}

interface Kept extends Way {
  readonly untilMs: number
}

export class Ways {
  /** By where they begin, and the names that follow, joined by slashes. */
  readonly #kept = new Map<DirectoryNode, Map<string, Kept>>()
  #count = 0

  get(from: DirectoryNode, names: string, nowMs: number): Way | undefined {
    const way = this.#kept.get(from)?.get(names)
    return way !== undefined && nowMs < way.untilMs ? way : undefined
  }

  /** Holds a reference to the directory from here on. */
  keep(from: DirectoryNode, names: string, way: Way, nowMs: number): void {
    let ways = this.#kept.get(from)
    const known = ways?.get(names)
    if (known === undefined && this.#count >= MAX_WAYS) {
      this.clear()
      ways = undefined
    }
    if (ways === undefined) {
      ways = new Map()
      this.#kept.set(from, ways)
    }
    way.directory.retain()
    ways.set(names, { ...way, untilMs: nowMs + WAY_LIFE_MS })
    if (known === undefined) this.#count++
    else known.directory.release()
  }

  clear(): void {
    if (this.#count === 0) return
    for (const ways of this.#kept.values()) {
      for (const { directory } of ways.values()) directory.release()
    }
    this.#kept.clear()
    this.#count = 0
  }
}
