/** Reads a directory of the host bit by bit: one may have any number of entries. */
import { type Dir, type Dirent, opendirSync } from 'node:fs'
import { Filetype } from './abi.ts'
import { attempt, Errno } from './errno.ts'
import type { DirectoryEntry, DirectoryReader } from './filesystem.ts'
import { LISTING_BATCH } from './listing.ts'

/** Most entries a guest may list. */
export const MAX_HOST_ENTRIES = 65_536

/** Opens the directory at `path`; it stays open until all is read, or `close()`. */
export function readHostDirectory(path: string): DirectoryReader | number {
  return attempt(() => new HostDirectoryReader(opendirSync(path, { bufferSize: LISTING_BATCH })))
}

class HostDirectoryReader implements DirectoryReader {
  #directory: Dir | undefined
  #count = 0

  constructor(directory: Dir) {
    this.#directory = directory
  }

  read(count: number): readonly DirectoryEntry[] | number {
    return attempt(() => {
      const entries: DirectoryEntry[] = []
      while (entries.length < count && this.#directory !== undefined) {
        const entry = this.#directory.readSync()
        if (entry === null) this.close()
        else if (++this.#count > MAX_HOST_ENTRIES) return Errno.OVERFLOW
        else entries.push({ name: entry.name, filetype: filetypeOf(entry) })
      }
      return entries
    })
  }

  close(): void {
    this.#directory?.closeSync()
    this.#directory = undefined
  }
}

function filetypeOf(entry: Dirent): number {
  if (entry.isFile()) return Filetype.RegularFile
  if (entry.isDirectory()) return Filetype.Directory
  if (entry.isSymbolicLink()) return Filetype.SymbolicLink
  if (entry.isCharacterDevice()) return Filetype.CharacterDevice
  if (entry.isBlockDevice()) return Filetype.BlockDevice
  return entry.isSocket() ? Filetype.SocketStream : Filetype.Unknown
}
