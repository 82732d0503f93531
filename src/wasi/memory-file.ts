/** A regular file or symbolic link in memory. Lives as long as a name or a descriptor leads to it. */
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type { FileNode, Filestat, NewTimes, OpenFile, OpenMode, SymlinkNode } from './filesystem.ts'
import { MemoryNode, type MemorySystem } from './memory-node.ts'

/** Files grow by at least this much, so that appending byte by byte does not copy each time. */
const GROWTH_BYTES = 4096

/** And at most by this much, which bounds what is held but not used. */
const MAX_GROWTH_BYTES = 1024 * 1024

export class MemoryFile extends MemoryNode implements FileNode {
  readonly kind = 'file'
  #contents: Uint8Array = new Uint8Array(0)
  #size = 0
  #opened = 0

  constructor(system: MemorySystem) {
    super(system, Filetype.RegularFile)
  }

  override get size(): number {
    return this.#size
  }

  open(mode: OpenMode): OpenFile {
    if (mode.truncate) this.setSize(0)
    this.#opened++
    return new OpenMemoryFile(this)
  }

  closeOne(): void {
    this.#opened--
    this.freeIfUnused()
  }

  read(into: Uint8Array, offset: number): number {
    const end = Math.min(this.#size, offset + into.length)
    if (offset >= end) return 0
    into.set(this.#contents.subarray(offset, end))
    return end - offset
  }

  write(from: Uint8Array, offset: number): number {
    const end = offset + from.length
    if (!Number.isSafeInteger(end)) return -Errno.FBIG
    const errno = this.#reserve(end)
    if (errno !== Errno.SUCCESS) return -errno
    this.#contents.set(from, offset)
    this.#size = Math.max(this.#size, end)
    this.touch()
    return from.length
  }

  setSize(size: number): number {
    const errno = this.#reserve(size)
    if (errno !== Errno.SUCCESS) return errno
    if (size < this.#size) this.#contents.fill(0, size, this.#size)
    this.#size = size
    this.#giveBack()
    this.touch()
    return Errno.SUCCESS
  }

  allocate(size: number): number {
    return size > this.#size ? this.setSize(size) : Errno.SUCCESS
  }

  protected override get isInUse(): boolean {
    return this.links > 0 || this.#opened > 0
  }

  protected override get chargedBytes(): number {
    return this.#contents.length
  }

  /** Makes room for `size` bytes; everything behind `#size` is zero. */
  #reserve(size: number): number {
    const room = this.#contents.length
    if (size <= room) return Errno.SUCCESS
    const { quota } = this.system
    // Near the quota: half of what is left, so that filling it up copies the file a few times and not at every write.
    const spare = Math.floor((quota.limits.bytes - quota.bytes) / 2)
    const growth = Math.min(Math.max(room, GROWTH_BYTES), MAX_GROWTH_BYTES, spare)
    const wanted = Math.max(size, room + growth)
    const errno = quota.charge(wanted - room)
    if (errno !== Errno.SUCCESS) return errno
    const grown = new Uint8Array(wanted)
    grown.set(this.#contents.subarray(0, this.#size))
    this.#contents = grown
    return Errno.SUCCESS
  }

  /** Shrinks what is held for a file that has become much smaller. */
  #giveBack(): void {
    const room = this.#contents.length
    if (room <= GROWTH_BYTES || this.#size > room / 2) return
    this.#contents = this.#contents.slice(0, this.#size)
    this.system.quota.charge(this.#size - room)
  }
}

class OpenMemoryFile implements OpenFile {
  readonly kind = 'file'
  readonly filetype = Filetype.RegularFile
  readonly #file: MemoryFile

  constructor(file: MemoryFile) {
    this.#file = file
  }

  stat(): Filestat {
    return this.#file.stat()
  }

  read(into: Uint8Array, offset: number): number {
    return this.#file.read(into, offset)
  }

  write(from: Uint8Array, offset: number | undefined): number {
    return this.#file.write(from, offset ?? this.#file.size)
  }

  setSize(size: number): number {
    return this.#file.setSize(size)
  }

  allocate(size: number): number {
    return this.#file.allocate(size)
  }

  setTimes(times: NewTimes): number {
    return this.#file.setTimes(times)
  }

  sync(): number {
    return Errno.SUCCESS
  }

  close(): void {
    this.#file.closeOne()
  }
}

export class MemorySymlink extends MemoryNode implements SymlinkNode {
  readonly kind = 'symlink'
  readonly #target: string

  constructor(system: MemorySystem, target: string) {
    super(system, Filetype.SymbolicLink)
    this.#target = target
  }

  override get size(): number {
    return this.#target.length
  }

  readLink(): string {
    return this.#target
  }

  protected override get chargedBytes(): number {
    return this.#target.length
  }
}
