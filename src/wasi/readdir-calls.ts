/** Reading directories (preview 1: fd_readdir). */
import { DIRENT_BYTES } from './abi.ts'
import type { CallContext } from './call-context.ts'
import type { Descriptor, OpenDirectory } from './descriptor.ts'
import { Errno } from './errno.ts'
import type { DirectoryEntry } from './filesystem.ts'
import { LISTING_BATCH, type Listing } from './listing.ts'
import { Right } from './rights.ts'

const encoder = new TextEncoder()

/** Inode numbers one call looks up, which on a host's disk takes time; entries beyond have 0, which means unknown. */
const INODES_PER_CALL = 256
/** What reading an entry takes, and what telling the guest takes; what looking up its inode number takes. */
const ENTRY_WORK = 500
const INODE_WORK = 5_000
/** What it takes to copy one name where a directory's names are copied when its reading begins. */
const NAME_WORK = 20

export const READDIR_CALLS = {
  /**
   * Fills the buffer with entries, the last of which may be cut off; a buffer that is not full is the end. A cookie is
   * the number of entries before; 0 reads the directory afresh.
   *
   * - BADF: not open
   * - NOTDIR: not a directory
   * - NOTCAPABLE: no right to read directories
   * - FAULT: the buffer or the result is not inside memory
   * - OVERFLOW: more entries than the directory's limit, or than `limits.entries` in this one call: a smaller buffer helps
   *
   *     | next cookie u64 | ino u64 | name length u32 | filetype u8 | 3 unused | name | ...
   */
  fd_readdir:
    (host: CallContext) =>
    (fd: number, buffer: number, length: number, cookie: bigint, result: number) => {
      host.enter()
      const descriptor = host.descriptors.get(fd)
      if (descriptor === undefined) return Errno.BADF
      const { open } = descriptor
      if (open.kind !== 'directory') return Errno.NOTDIR
      if ((descriptor.rights & Right.FdReaddir) === 0) return Errno.NOTCAPABLE
      const start = buffer >>> 0
      const end = start + (length >>> 0)
      if (end > host.bytes.length || !host.has(result >>> 0, 4)) return Errno.FAULT
      const { limits } = host.grants
      const listing = listingOf(host, descriptor, open, cookie)
      if (typeof listing === 'number') return listing
      let at = start
      const first = Number(BigInt.asUintN(64, cookie))
      const most = listing.length + limits.entries
      for (let index = first; at < end; index++) {
        if (index - first === limits.entries) return Errno.OVERFLOW
        const errno = readUpTo(host, listing, { index, most })
        if (errno !== Errno.SUCCESS) return errno
        const entry = listing.at(index)
        if (entry === undefined) break
        host.charge(ENTRY_WORK)
        const isAsked = entry.ino === undefined && index - first < INODES_PER_CALL
        const ino = isAsked ? inodeOf(host, open, entry) : (entry.ino ?? 0n)
        at += storeEntry(host, at, end, { entry, ino, next: index + 1 })
      }
      return host.storeU32(result, at - start)
    },
}

function listingOf(
  host: CallContext,
  descriptor: Descriptor,
  open: OpenDirectory,
  cookie: bigint,
): Listing | number {
  const known = descriptor.listing
  if (cookie !== 0n && known?.isClosed === false) return known
  host.charge(open.node.weight * NAME_WORK)
  const reader = open.node.list()
  if (typeof reader === 'number') return reader
  known?.close()
  descriptor.listing = host.listings.begin(reader)
  return descriptor.listing
}

/** Reads on until entry `index` is known, or the directory ends; OVERFLOW: that would be more than `most` entries. */
function readUpTo(
  host: CallContext,
  listing: Listing,
  { index, most }: { readonly index: number; readonly most: number },
): number {
  while (listing.length <= index) {
    if (listing.length >= most) return Errno.OVERFLOW
    host.charge(LISTING_BATCH * ENTRY_WORK)
    const count = listing.readMore()
    if (count <= 0) return -count
  }
  return Errno.SUCCESS
}

function inodeOf(host: CallContext, { node }: OpenDirectory, { name }: DirectoryEntry): bigint {
  if (name === '..') return 0n
  host.charge(INODE_WORK)
  if (name !== '.') return node.inodeOf(name)
  const stat = node.stat()
  return typeof stat === 'number' ? 0n : stat.ino
}

interface Dirent {
  readonly entry: DirectoryEntry
  readonly ino: bigint
  /** The cookie of the entry behind it. */
  readonly next: number
}

/** Stores as much of an entry as there is room for between `at` and `end`; how much that was. */
function storeEntry(host: CallContext, at: number, end: number, dirent: Dirent): number {
  const { name } = dirent.entry
  // A char is three bytes at most.
  if (at + DIRENT_BYTES + name.length * 3 <= end) {
    return writeEntry(host.bytes.subarray(at, end), host.view, at, dirent)
  }
  const whole = new Uint8Array(DIRENT_BYTES + name.length * 3)
  const length = writeEntry(whole, new DataView(whole.buffer), 0, dirent)
  const stored = whole.subarray(0, Math.min(length, end - at))
  host.bytes.set(stored, at)
  return stored.length
}

/** Writes all of it to `into`, which is `view` from `at` on; its length. */
function writeEntry(into: Uint8Array, view: DataView, at: number, dirent: Dirent): number {
  const { entry, ino, next } = dirent
  const { written } = encoder.encodeInto(entry.name, into.subarray(DIRENT_BYTES))
  view.setBigUint64(at, BigInt(next), true)
  view.setBigUint64(at + 8, ino, true)
  view.setUint32(at + 16, written, true)
  view.setUint32(at + 20, entry.filetype, true)
  return DIRENT_BYTES + written
}
