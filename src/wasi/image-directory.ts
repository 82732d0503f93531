/**
 * A read-only image of a directory of the host, such as a tenant's `root`.
 *
 * Nothing is read before the guest asks for it. File contents are kept in a shared `ImageCache` under the file's device,
 * inode, size and times, so that a file that changes on disk is seen anew by whoever opens it next. Walking is
 * host-directory.ts's: no link is followed out of the root.
 */
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type {
  DirectoryNode,
  DirectoryReader,
  Filestat,
  LockKind,
  Node,
  OpenFile,
  OpenMode,
} from './filesystem.ts'
import { type FoundFile, type HostTree, tryHostDirectory } from './host-directory.ts'
import { openHostFile } from './host-file.ts'
import type { ImageCache } from './image-cache.ts'
import { ReadOnlyDirectory } from './read-only-directory.ts'

const READ_ONLY: OpenMode = { read: true, write: false, truncate: false }

/**
 * The root of an image. Opened on first use and closed when the last reference is released, so that one made per request
 * costs nothing if the guest never looks, and sees a root that was replaced since the last. Unlike other directories it
 * starts without a reference: the session's own is enough. A root that cannot be opened answers everything with an errno.
 */
export class ImageDirectory extends ReadOnlyDirectory {
  readonly #path: string
  readonly #tree: HostTree
  #opened: DirectoryNode | undefined
  #references = 0

  /** Does no I/O. Whoever uses it directly retains it first. `path`: absolute, on the host. */
  constructor(path: string, cache: ImageCache) {
    super()
    this.#path = path
    this.#tree = {
      writable: false,
      openToRead: (found) => openCached(found, cache),
    }
  }

  retain(): void {
    this.#references++
  }

  release(): void {
    if (--this.#references > 0) return
    this.#opened?.release()
    this.#opened = undefined
  }

  stat(): Filestat | number {
    return this.#with((root) => root.stat())
  }

  lookup(name: string): Node | number {
    return this.#with((root) => root.lookup(name))
  }

  descend(path: string): DirectoryNode | number | undefined {
    return this.#with((root) => root.descend?.(path))
  }

  list(): DirectoryReader | number {
    return this.#with((root) => root.list())
  }

  inodeOf(name: string): bigint {
    const inode = this.#with((root) => root.inodeOf(name))
    return typeof inode === 'number' ? 0n : inode
  }

  #with<Result>(operation: (root: DirectoryNode) => Result): Result | number {
    if (this.#opened === undefined) {
      const opened = tryHostDirectory(this.#path, this.#tree)
      if (typeof opened === 'number') return opened
      this.#opened = opened
    }
    return operation(this.#opened)
  }
}

function keyOf({ dev, ino, size, mtim, ctim }: Filestat): string {
  return `${dev}:${ino}:${size}:${mtim}:${ctim}`
}

function openCached(found: FoundFile, cache: ImageCache): OpenFile | number {
  const contents = cache.get(keyOf(found.stat))
  if (contents !== undefined) return new OpenImageFile(contents, found)
  const file = openHostFile(found.at, READ_ONLY)
  if (typeof file === 'number') return file
  // What was opened need not be what was looked up.
  const before = file.stat()
  if (typeof before === 'number' || before.size > cache.limits.fileBytes) return file
  const bytes = new Uint8Array(Number(before.size))
  let length = 0
  while (length < bytes.length) {
    const count = file.read(bytes.subarray(length), length)
    if (count <= 0) return file
    length += count
  }
  const after = file.stat()
  if (typeof after === 'number' || keyOf(after) !== keyOf(before)) return file
  cache.set(keyOf(before), bytes)
  file.close()
  return new OpenImageFile(bytes, { ...found, stat: before })
}

/** A file whose contents are in memory. */
class OpenImageFile implements OpenFile {
  readonly kind = 'file'
  readonly filetype = Filetype.RegularFile
  readonly #contents: Uint8Array
  readonly #found: FoundFile
  /** The file on the disk, once somebody wants its lock. */
  #locked: OpenFile | undefined

  constructor(contents: Uint8Array, found: FoundFile) {
    this.#contents = contents
    this.#found = found
    found.directory.retain()
  }

  stat(): Filestat {
    return this.#found.stat
  }

  read(into: Uint8Array, offset: number): number {
    const chunk = this.#contents.subarray(offset, offset + into.length)
    into.set(chunk)
    return chunk.length
  }

  write(): number {
    return -Errno.ROFS
  }

  setSize(): number {
    return Errno.ROFS
  }

  allocate(): number {
    return Errno.ROFS
  }

  setTimes(): number {
    return Errno.ROFS
  }

  sync(): number {
    return Errno.SUCCESS
  }

  lock(kind: LockKind): number {
    if (this.#locked === undefined) {
      if (kind === 'none') return Errno.SUCCESS
      const file = openHostFile(this.#found.at, READ_ONLY)
      if (typeof file === 'number') return file
      this.#locked = file
    }
    return this.#locked.lock(kind)
  }

  close(): void {
    this.#locked?.close()
    this.#found.directory.release()
  }
}
