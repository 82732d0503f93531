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

/** Other file systems mounted in it are left out. What cannot be read counts nothing. */
export async function countTree(root: string): Promise<TreeUsage> {
  let [bytes, names] = [0, 0]
  const linked = new Set<bigint>()
  const count = (stats: BigIntStats): void => {
    names++
    if (!stats.isFile() || linked.has(stats.ino)) return
    if (stats.nlink > 1n) linked.add(stats.ino)
    bytes += Number(stats.size)
  }
  const { dev } = await stat(root, { bigint: true })
  const folders = [root]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const name of namesIn(folder)) {
      const path = join(folder, name)
      const stats = await lstat(path, { bigint: true }).catch(() => undefined)
      if (stats === undefined) continue
      count(stats)
      if (names === MAX_NAMES) return { bytes, names }
      if (stats.isDirectory() && stats.dev === dev) folders.push(path)
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
