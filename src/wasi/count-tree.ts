/** Adds up what a folder of the host holds, one entry after another, while others go on. */
import type { BigIntStats } from 'node:fs'
import { lstat, opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'

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
 * bind mount) counts once. What cannot be read counts nothing.
 */
export async function countTree(root: string): Promise<TreeUsage> {
  let [bytes, names] = [0, 0]
  const seen = new Set<bigint>()
  const isNew = (stats: BigIntStats): boolean => {
    const before = seen.size
    return seen.add((stats.dev << 64n) | stats.ino).size > before
  }
  const count = (stats: BigIntStats): void => {
    names++
    if (!stats.isFile() || (stats.nlink > 1n && !isNew(stats))) return
    bytes += Number(stats.size)
  }
  isNew(await stat(root, { bigint: true }))
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const name of namesIn(folder)) {
      const path = join(folder, name)
      const stats = await lstat(path, { bigint: true }).catch(() => undefined)
      if (stats === undefined) continue
      count(stats)
      if (names === MAX_NAMES) return { bytes, names }
      if (stats.isDirectory() && isNew(stats)) folders.push(path)
    }
  }
  return { bytes, names }
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch {
    // Gone, or not for us.
  }
}
