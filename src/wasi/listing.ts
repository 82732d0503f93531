/** What a descriptor has read of its directory so far; kept, so that cookies, which count entries, stay valid. */
import { Filetype } from './abi.ts'
import type { DirectoryEntry, DirectoryReader } from './filesystem.ts'

/** Entries that are read at a time. */
export const LISTING_BATCH = 64

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', filetype: Filetype.Directory },
  { name: '..', filetype: Filetype.Directory },
]

export class Listing {
  readonly #entries: DirectoryEntry[] = [...DOTS]
  readonly #reader: DirectoryReader

  /** Becomes the reader's one user. */
  constructor(reader: DirectoryReader) {
    this.#reader = reader
  }

  /** Entries read so far, `.` and `..` included. */
  get length(): number {
    return this.#entries.length
  }

  at(index: number): DirectoryEntry | undefined {
    return this.#entries[index]
  }

  /** Reads up to `LISTING_BATCH` more: how many there were, 0 at the end; negative: minus an errno. */
  readMore(): number {
    const entries = this.#reader.read(LISTING_BATCH)
    if (typeof entries === 'number') return -entries
    this.#entries.push(...entries)
    return entries.length
  }

  close(): void {
    this.#reader.close()
  }
}
