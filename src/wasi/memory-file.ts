/** A regular file or symbolic link in memory. Lives as long as a name or a descriptor leads to it. */
import { KeptMemory } from '../base/kept-memory.ts'
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type {
  FileNode,
  Filestat,
  LockKind,
  NewTimes,
  OpenFile,
  OpenMode,
  SymlinkNode,
} from './filesystem.ts'
import { MemoryLocks } from './memory-locks.ts'
import { MemoryNode, type MemorySystem } from './memory-node.ts'
import { NEW_FILE } from './own-stat.ts'

/**
 * What contents are kept in: a file that grows is never copied. Its first 64 KiB are in small blocks, so that a small file needs little;
 * what follows is in large ones, since the collector looks at each. A block is there once something is written to it, so that to
 * make a file long takes no time.
 */
const SMALL_BYTES = 4096
const LARGE_BYTES = 65_536
const SMALL_BLOCKS = LARGE_BYTES / SMALL_BYTES

/** Large blocks of files that are gone, in a process. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024
const kept = new KeptMemory(MAX_KEPT_BYTES)

export class MemoryFile extends MemoryNode implements FileNode {
  // Both are there once they are needed.
  #locks: MemoryLocks | undefined
  /** At most as many as `#size` needs; what is behind it, and where there is none, is zero. */
  #blocks: (Uint8Array | undefined)[] | undefined
  #size = 0
  #opened = 0

  constructor(system: MemorySystem) {
    super(system, NEW_FILE)
  }

  get kind(): 'file' {
    return 'file'
  }

  override get filetype(): number {
    return Filetype.RegularFile
  }

  override get size(): number {
    return this.#size
  }

  open(mode: OpenMode): OpenFile {
    if (mode.truncate) this.setSize(0)
    this.#opened++
    return new OpenMemoryFile(this)
  }

  /** Of one of its descriptors. */
  lock(file: OpenFile, kind: LockKind): number {
    if (kind !== 'none') this.#locks ??= new MemoryLocks()
    return this.#locks?.take(file, kind) ?? Errno.SUCCESS
  }

  closeOne(): void {
    this.#opened--
    this.freeIfUnused()
  }

  read(into: Uint8Array, offset: number): number {
    const end = Math.min(this.#size, offset + into.length)
    if (offset >= end) return 0
    eachPart(offset, end, ({ index, start, length }, at) => {
      const block = this.#blocks?.[index]
      if (block === undefined) into.fill(0, at, at + length)
      else into.set(block.subarray(start, start + length), at)
    })
    return end - offset
  }

  write(from: Uint8Array, offset: number): number {
    const end = offset + from.length
    if (!Number.isSafeInteger(end)) return -Errno.FBIG
    const errno = this.#reserve(end)
    if (errno !== Errno.SUCCESS) return -errno
    eachPart(offset, end, ({ index, start, length }, at) => {
      this.#blockFor(index).set(from.subarray(at, at + length), start)
    })
    this.touch()
    return from.length
  }

  setSize(size: number): number {
    const errno = this.#reserve(size)
    if (errno !== Errno.SUCCESS) return errno
    if (size < this.#size) this.#cut(size)
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
    return this.#size
  }

  /** Makes the file at least `size` bytes long: SUCCESS or NOSPC. */
  #reserve(size: number): number {
    if (size <= this.#size) return Errno.SUCCESS
    const errno = this.system.quota.charge(size - this.#size)
    if (errno !== Errno.SUCCESS) return errno
    this.#size = size
    return Errno.SUCCESS
  }

  #blockFor(index: number): Uint8Array {
    this.#blocks ??= []
    const blocks = this.#blocks
    const block = blocks[index] ?? zeroed(index < SMALL_BLOCKS ? SMALL_BYTES : LARGE_BYTES)
    while (blocks.length < index) blocks.push(undefined)
    blocks[index] = block
    return block
  }

  #cut(size: number): void {
    this.system.quota.charge(size - this.#size)
    const last = size === 0 ? -1 : blockOf(size - 1)
    this.#giveFrom(last + 1)
    this.#blocks?.[last]?.fill(0, size - startOf(last))
    this.#size = size
  }

  protected override free(): void {
    this.#giveFrom(0)
    this.#size = 0
  }

  /** Gives up its blocks from `index` on. */
  #giveFrom(index: number): void {
    for (const block of this.#blocks?.splice(index) ?? []) {
      if (block?.length === LARGE_BYTES) kept.give(block)
    }
  }
}

/** A piece of a file's contents: `length` bytes from `start` on in block `index`. */
interface Part {
  readonly index: number
  readonly start: number
  readonly length: number
}

/** Calls `use` with the pieces of the contents from `start` to `end` and where each lies behind `start`. */
function eachPart(start: number, end: number, use: (part: Part, at: number) => void): void {
  for (let at = start; at < end; ) {
    const index = blockOf(at)
    const length = Math.min(end, startOf(index + 1)) - at
    use({ index, start: at - startOf(index), length }, at - start)
    at += length
  }
}

function zeroed(size: number): Uint8Array {
  return kept.take(size)?.fill(0) ?? new Uint8Array(size)
}

/** Index of the block that has the byte at `at`. */
function blockOf(at: number): number {
  return Math.floor(at < LARGE_BYTES ? at / SMALL_BYTES : at / LARGE_BYTES + SMALL_BLOCKS - 1)
}

/** Where in the file block `index` begins. */
function startOf(index: number): number {
  return index < SMALL_BLOCKS ? index * SMALL_BYTES : (index - SMALL_BLOCKS + 1) * LARGE_BYTES
}

class OpenMemoryFile implements OpenFile {
  readonly #file: MemoryFile

  constructor(file: MemoryFile) {
    this.#file = file
  }

  get kind(): 'file' {
    return 'file'
  }

  get filetype(): number {
    return Filetype.RegularFile
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

  lock(kind: LockKind): number {
    return this.#file.lock(this, kind)
  }

  close(): void {
    this.lock('none')
    this.#file.closeOne()
  }
}

export class MemorySymlink extends MemoryNode implements SymlinkNode {
  readonly #target: string

  constructor(system: MemorySystem, target: string) {
    super(system, NEW_FILE)
    this.#target = target
  }

  get kind(): 'symlink' {
    return 'symlink'
  }

  override get filetype(): number {
    return Filetype.SymbolicLink
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
