/**
 * A memory's first state, mapped copy-on-write over the memory of every instance.
 *
 * The pages of the snapshot are shared by all of them. Putting back copies the pages that were written and no others, so it
 * costs what the run touched, not what the memory has; written pages stay private, so that the next run takes no page faults
 * for them.
 */

import {
  type Libc,
  loadLibc,
  MAP_FAILED,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../base/libc.ts'
import { type DirtyPages, openDirtyPages } from './dirty-pages.ts'
import type { MemorySnapshot, PutBack } from './memory-snapshot.ts'

/** Of private pages a memory may keep; one that has more is given up, and goes back to the system a little at a time. */
const MAX_PRIVATE_BYTES = 8 * 1024 * 1024

/** Snapshots that nobody uses any more give their memory and their mapping back. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

/**
 * All snapshots of a process are in one file: as many modules would need as many descriptors. Parts of it are not used again,
 * which costs nothing: what is given back takes no memory.
 */
interface SnapshotFile {
  readonly fd: number
  bytes: number
}

let dirtyPages: DirtyPages | undefined
let snapshots: SnapshotFile | undefined

/** Takes the first state of `memory`. undefined: this system cannot map it. */
export function mapMemory(memory: WebAssembly.Memory): MemorySnapshot | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  dirtyPages ??= openDirtyPages(libc)
  if (dirtyPages === undefined) return undefined
  snapshots ??= openFile(libc)
  if (snapshots === undefined) return undefined
  const part = makePart(libc, dirtyPages, { file: snapshots, buffer: memory.buffer })
  return part && new MappedMemory(libc, { pages: dirtyPages, file: snapshots, part })
}

/** One snapshot. */
interface SnapshotPart {
  /** Where in the file of all snapshots it starts. */
  readonly offset: number
  /** Its contents: a shared mapping, not to be written to. */
  readonly bytes: Uint8Array
  /** How many of them instantiating had written. */
  readonly writtenBytes: number
}

interface Snapshot {
  readonly pages: DirtyPages
  readonly file: SnapshotFile
  readonly part: SnapshotPart
}

class MappedMemory implements MemorySnapshot {
  readonly #libc: Libc
  readonly #dirtyPages: DirtyPages
  readonly #file: SnapshotFile
  readonly #part: SnapshotPart

  constructor(libc: Libc, { pages, file, part }: Snapshot) {
    this.#libc = libc
    this.#dirtyPages = pages
    this.#file = file
    this.#part = part
  }

  adopt(memory: WebAssembly.Memory): PutBack | undefined {
    const { buffer } = memory
    if (buffer.byteLength !== this.#part.bytes.length) return undefined
    const address = this.#libc.addressOf(buffer)
    const ownBytes = countWritten(this.#dirtyPages, address, buffer.byteLength)
    // They would all go in one step.
    if (ownBytes > this.#part.writtenBytes + MAX_PRIVATE_BYTES) return undefined
    const mapped = this.#libc.mmap(address, buffer.byteLength, {
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_FIXED,
      fd: this.#file.fd,
      offset: this.#part.offset,
    })
    if (mapped !== address) return undefined
    return this.#putBack(memory, address)
  }

  #putBack(memory: WebAssembly.Memory, address: bigint): PutBack {
    const { bytes } = this.#part
    let target = new Uint8Array(memory.buffer)
    /** The pages that have been written so far, with what belongs into them; undefined: not known. */
    let written: Written[] | undefined
    const scan = (): Written[] | undefined => {
      const found: Written[] = []
      let privateBytes = 0
      const isKnown = this.#dirtyPages.scan(address, bytes.length, (start, end) => {
        privateBytes += end - start
        if (privateBytes <= MAX_PRIVATE_BYTES)
          found.push({ start, contents: bytes.subarray(start, end) })
      })
      return isKnown && privateBytes <= MAX_PRIVATE_BYTES ? found : undefined
    }
    return (mayHaveNew) => {
      const { buffer } = memory
      if (buffer.byteLength !== bytes.length) return false
      if (target.buffer !== buffer) target = new Uint8Array(buffer) // it grew by no page
      if (mayHaveNew || written === undefined) written = scan()
      if (written === undefined) return false
      for (const { start, contents } of written) target.set(contents, start)
      return true
    }
  }
}

interface Written {
  readonly start: number
  readonly contents: Uint8Array
}

/** Infinity: not known. */
function countWritten(pages: DirtyPages, address: bigint, length: number): number {
  let bytes = 0
  const isKnown = pages.scan(address, length, (start, end) => {
    bytes += end - start
  })
  return isKnown ? bytes : Number.POSITIVE_INFINITY
}

function openFile(libc: Libc): SnapshotFile | undefined {
  const fd = libc.memfdCreate(Buffer.from('wasm-fpm snapshots\0'), 1)
  return fd < 0 ? undefined : { fd, bytes: 0 }
}

interface FirstState {
  readonly file: SnapshotFile
  readonly buffer: ArrayBuffer
}

function makePart(
  libc: Libc,
  pages: DirtyPages,
  { file, buffer }: FirstState,
): SnapshotPart | undefined {
  const { fd, bytes: offset } = file
  const length = buffer.byteLength
  if (libc.ftruncate(fd, offset + length) < 0) return undefined
  const mapping = { protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED, fd, offset }
  const address = libc.mmap(0n, length, mapping)
  if (address === MAP_FAILED) return undefined
  file.bytes += length
  const bytes = new Uint8Array(libc.view(address, length))
  const from = new Uint8Array(buffer)
  let writtenBytes = 0
  // Pages that nobody has written are zeros, and looking at them would make the system map them.
  const isKnown = pages.scan(libc.addressOf(buffer), length, (start, end) => {
    writtenBytes += end - start
    copyNonZero(from.subarray(start, end), bytes.subarray(start, end))
  })
  const part = { offset, bytes, writtenBytes }
  abandoned.register(part, () => {
    libc.munmap(address, length)
    libc.punchHole(fd, offset, length)
  })
  return isKnown ? part : undefined
}

const ZERO_PAGE = Buffer.alloc(4096)

/** Leaves pages of zeros out: they cost the file nothing. */
function copyNonZero(from: Uint8Array, to: Uint8Array): void {
  for (let start = 0; start < from.length; start += ZERO_PAGE.length) {
    const page = from.subarray(start, start + ZERO_PAGE.length)
    if (ZERO_PAGE.compare(page) !== 0) to.set(page, start)
  }
}
