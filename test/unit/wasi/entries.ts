/** All entries of a directory. */
import type { DirectoryEntry, DirectoryNode } from '../../../src/wasi/filesystem.ts'

export function entriesOf(directory: DirectoryNode): DirectoryEntry[] {
  const reader = directory.list()
  if (typeof reader === 'number') throw new Error(`errno ${reader}`)
  const all: DirectoryEntry[] = []
  for (;;) {
    const entries = reader.read(3)
    if (typeof entries === 'number') throw new Error(`errno ${entries}`)
    if (entries.length === 0) break
    all.push(...entries)
  }
  reader.close()
  return all
}
