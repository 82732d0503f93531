/** What a descriptor has read of its directory so far; kept, so that cookies, which count entries, stay valid. */
import { Filetype } from './abi.ts'
import type { DirectoryEntry, DirectoryReader } from './filesystem.ts'

/** Entries that are read at a time. */
export const LISTING_BATCH = 64

/** Entries that all listings of an instance keep: of many descriptors, each has read a large directory. */
export const MAX_LISTED_ENTRIES = 65_536

/** The listings of an instance. When they keep too much, the ones begun longest ago are given up. */
export class Listings {
  readonly #maxEntries: number
  readonly #open = new Set<Listing>()
  #entries = 0

  constructor(maxEntries: number = MAX_LISTED_ENTRIES) {
    this.#maxEntries = maxEntries
  }

  /** Becomes the reader's one user. */
  begin(reader: DirectoryReader): Listing {
    const listing = new Listing(reader, this)
    this.#open.add(listing)
    return listing
  }

  /** `listing` keeps so many more; a large one is kept when it is alone. */
  grown(listing: Listing, count: number): void {
    this.#entries += count
    for (const other of this.#open) {
      if (this.#entries <= this.#maxEntries) return
      if (other !== listing) other.close()
    }
  }

  closed(listing: Listing): void {
    if (this.#open.delete(listing)) this.#entries -= listing.length
  }
}

const DOTS: readonly DirectoryEntry[] = [
  { name: '.', filetype: Filetype.Directory },
  { name: '..', filetype: Filetype.Directory },
]

export class Listing {
  #entries: DirectoryEntry[] = [...DOTS]
  readonly #reader: DirectoryReader
  readonly #all: Listings
  /** It has nothing any more: the directory is read afresh. */
  isClosed = false

  constructor(reader: DirectoryReader, all: Listings) {
    this.#reader = reader
    this.#all = all
    all.grown(this, this.#entries.length)
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
    this.#all.grown(this, entries.length)
    return entries.length
  }

  /** Idempotent. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#reader.close()
    this.#all.closed(this)
    this.#entries = []
  }
}
