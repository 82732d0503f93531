/** Adds up what a folder of the host holds, one entry after another, while others go on. */
import type { BigIntStats } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { HeldFolder } from '../base/held-folder.ts'

export interface TreeUsage {
  /** Sizes of its files; one with several names counts once. */
  readonly bytes: number
  /** Files, folders and links in it, by their names. */
  readonly names: number
}

/** Where counting ends: more than any quota on names. */
const MAX_NAMES = 10_000_000

/**
 * Other file systems that are mounted in it count as well, since what guests write there does; a folder that is there twice (a
 * bind mount) counts once. What cannot be read counts nothing. Folders may be inside each other deeper than any path goes: each is
 * opened in the one before, no link is followed, and one at a time is open. Where a folder is moved away while it is counted, counting
 * ends there. Throws `OpenError`: there is no such folder.
 */
export async function countTree(root: string): Promise<TreeUsage> {
  const count = new Count()
  let here = HeldFolder.open(root)
  try {
    let visit = await count.read(here)
    const above: Visit[] = []
    for (;;) {
      const name = visit.folders.pop()
      const inner = name === undefined ? undefined : tryFolder(here, name)
      if (inner !== undefined) {
        here.close()
        here = inner
        above.push(visit)
        visit = await count.read(here)
      } else if (name === undefined) {
        const outer = above.pop()
        const up = outer === undefined ? undefined : tryFolder(here, '..')
        if (outer === undefined || up === undefined) break
        here.close()
        here = up
        visit = outer
        if (keyOf(here.stat()) !== visit.key) break
      }
    }
    return count.usage
  } finally {
    here.close()
  }
}

/** A folder that has been read. */
interface Visit {
  readonly key: bigint
  /** Folders in it that have not. */
  readonly folders: string[]
}

class Count {
  #bytes = 0
  #names = 0
  readonly #seen = new Set<bigint>()

  get usage(): TreeUsage {
    return { bytes: this.#bytes, names: this.#names }
  }

  /** Counts what is in it. */
  async read(folder: HeldFolder): Promise<Visit> {
    const key = keyOf(folder.stat())
    const folders: string[] = []
    if (!this.#isNew(key)) return { key, folders }
    for await (const name of namesIn(folder.base)) {
      const stats = await lstat(`${folder.base}/${name}`, { bigint: true }).catch(() => undefined)
      if (stats === undefined || this.#names === MAX_NAMES) continue
      this.#names++
      if (stats.isDirectory()) folders.push(name)
      else if (stats.isFile() && (stats.nlink <= 1n || this.#isNew(keyOf(stats)))) {
        this.#bytes += Number(stats.size)
      }
    }
    return { key, folders: this.#names === MAX_NAMES ? [] : folders }
  }

  #isNew(key: bigint): boolean {
    const before = this.#seen.size
    return this.#seen.add(key).size > before
  }
}

function keyOf({ dev, ino }: BigIntStats): bigint {
  return (dev << 64n) | ino
}

/** undefined: gone, no folder any more, or not for us. */
function tryFolder(folder: HeldFolder, name: string): HeldFolder | undefined {
  try {
    return folder.folder(name)
  } catch {
    return undefined
  }
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch {
    // Gone, or not for us.
  }
}
