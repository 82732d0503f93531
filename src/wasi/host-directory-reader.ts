/** Reads a directory of the host bit by bit: one may have any number of entries. */
import { closeSync, constants, type Dir, type Dirent, opendirSync } from 'node:fs'
import { loadFileCalls } from '../base/file-calls.ts'
import type { LookCalls } from '../base/look-calls.ts'
import { Filetype } from './abi.ts'
import { attempt, Errno, errnoOfResult } from './errno.ts'
import type { DirectoryEntry, DirectoryReader } from './filesystem.ts'
import { openKept, statName } from './host-name.ts'
import { filetypeOfMode } from './host-stat.ts'
import { LISTING_BATCH } from './listing.ts'

/** Most entries a guest may list. */
export const MAX_HOST_ENTRIES = 65_536

/**
 * Opens a directory to be read, by its descriptor, or by a path that means it; it stays open until all is read, or `close()`. Where
 * there is a libc to call the entries come with their inode numbers.
 */
export function readHostDirectory(directory: number, path: string): DirectoryReader | number {
  const look = loadFileCalls()?.look
  if (look === undefined) {
    return attempt(() => new PathReader(opendirSync(path, { bufferSize: LISTING_BATCH })))
  }
  const fd = openKept({ directory, name: '.', path }, constants.O_RDONLY | constants.O_DIRECTORY)
  return fd < 0 ? -fd : new DescriptorReader(fd, path, look)
}

abstract class CountingReader implements DirectoryReader {
  #count = 0

  abstract close(): void
  /** undefined: there are no more. */
  protected abstract next(): DirectoryEntry | number | undefined

  read(count: number): readonly DirectoryEntry[] | number {
    const entries: DirectoryEntry[] = []
    while (entries.length < count) {
      const entry = this.next()
      if (typeof entry === 'number') return entry
      if (entry === undefined) break
      if (++this.#count > MAX_HOST_ENTRIES) return Errno.OVERFLOW
      entries.push(entry)
    }
    return entries
  }
}

class DescriptorReader extends CountingReader {
  /** undefined: all is read. */
  #fd: number | undefined
  readonly #path: string
  readonly #look: LookCalls
  /** Read and not given out yet. */
  #ahead: Iterator<DirectoryEntry> = [][Symbol.iterator]()

  /** Takes over the descriptor. */
  constructor(fd: number, path: string, look: LookCalls) {
    super()
    this.#fd = fd
    this.#path = path
    this.#look = look
  }

  protected next(): DirectoryEntry | number | undefined {
    while (this.#fd !== undefined) {
      const ahead = this.#ahead.next()
      if (ahead.done !== true) return ahead.value
      const more = this.#look.entries(this.#fd)
      if (typeof more === 'number') return errnoOfResult(more)
      if (more.length === 0) this.close()
      this.#ahead = more
        .filter(({ name }) => name !== '.' && name !== '..')
        .map(({ name, ino, type }) => ({ name, ino, filetype: this.#filetypeOf(name, type) }))
        .values()
    }
    return undefined
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #filetypeOf(name: string, type: number): number {
    if (type !== 0) return filetypeOfMode(type << 12)
    const at = { directory: this.#fd ?? -1, name, path: `${this.#path}/${name}` }
    const stat = statName(at)
    return typeof stat === 'number' ? Filetype.Unknown : stat.filetype
  }
}

class PathReader extends CountingReader {
  #directory: Dir | undefined

  constructor(directory: Dir) {
    super()
    this.#directory = directory
  }

  protected next(): DirectoryEntry | number | undefined {
    const entry = attempt(() => this.#directory?.readSync())
    if (typeof entry === 'number') return entry
    if (entry === null || entry === undefined) {
      this.close()
      return undefined
    }
    return { name: entry.name, filetype: filetypeOf(entry) }
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
