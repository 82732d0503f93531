/**
 * A big memory's first state, mapped copy-on-write over the memory of every instance.
 *
 * The pages of the snapshot are shared by all of them. Putting back copies the pages that were written and no others, so it
 * costs what the run touched, not what the memory has; written pages stay private, so that the next run takes no page faults
 * for them.
 *
 * A snapshot may lie over another one: it has the pages in which they differ, and shares the others.
 */

import { isMainThread, workerData } from 'node:worker_threads'
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
import type { DataPiece } from '../wasm/take-out-data.ts'
import { addChanges, joinRanges, type Range } from './changed-pages.ts'
import { type DirtyPages, openDirtyPages } from './dirty-pages.ts'
import type { MemoryImage, MemorySnapshot, PutBack } from './memory-snapshot.ts'

/** Of private pages a memory may have; one that has more is given up, and goes back to the system a little at a time. */
const MAX_PRIVATE_BYTES = 8 * 1024 * 1024
/** Of a reactor, which is dear to make anew: from half of it on they go back to the system, and the memory is kept. */
export const MAX_REACTOR_BYTES = 32 * 1024 * 1024

/** Most pieces of a snapshot over another one: each of them, and what is between them, is a mapping of every instance. */
const MAX_PIECES = 48

/** Snapshots that nobody uses any more give their memory and their mapping back. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

/**
 * All snapshots of a process are in one file: as many modules would need as many descriptors. Parts of it are not used again,
 * which costs nothing: what is given back takes no memory.
 */
export interface SnapshotFile {
  readonly fd: number
  /** How much of it is taken, in pages of 64 KiB: an Int32, for all threads that write to it. */
  readonly taken: SharedArrayBuffer
}

/** What a thread is given that writes images. */
export interface ImageThreadContext {
  readonly snapshots: SnapshotFile | undefined
}

/** More than is ever taken. */
const FILE_BYTES = 2 ** 46
const PAGE_BYTES = 65_536
/** Of a snapshot, in one turn of the event loop. */
const GIVE_BACK_BYTES = 1024 * 1024

let dirtyPages: DirtyPages | undefined
let snapshots: SnapshotFile | undefined = (workerData as ImageThreadContext | null)?.snapshots

/** undefined: this system cannot map memory. */
export function snapshotFile(): SnapshotFile | undefined {
  return findMeans()?.file
}

/** Takes the first state of `memory`. undefined: this system cannot map it. */
export function mapMemory(
  memory: WebAssembly.Memory,
  isReactor = false,
): MemorySnapshot | undefined {
  const means = findMeans()
  const part = means === undefined ? undefined : makePart(means, memory.buffer)
  if (means === undefined || part === undefined) return undefined
  const { writtenBytes, ...whole } = part
  const mostBytes = isReactor ? MAX_REACTOR_BYTES : MAX_PRIVATE_BYTES
  return new MappedMemory(means, { segments: [segmentOf(whole)], writtenBytes, mostBytes })
}

/** Takes the state of `memory`, of a reactor, which has begun with `below`. undefined: `below` is not mapped, or this system refuses. */
export function mapOver(
  below: MemorySnapshot,
  memory: WebAssembly.Memory,
): MemorySnapshot | undefined {
  return below instanceof MappedMemory ? below.over(memory) : undefined
}

/** Writes what a memory of `length` bytes begins with. Answers where in the file it is; undefined: this system cannot map it. */
export function writeImage(length: number, pieces: readonly DataPiece[]): number | undefined {
  const means = findMeans()
  const part = means === undefined ? undefined : takePart(means, length)
  if (means === undefined || part === undefined) return undefined
  for (const { offset, bytes } of pieces) copyNonZero(bytes, part.bytes.subarray(offset))
  means.libc.munmap(part.address, length)
  return part.offset
}

/** What `writeImage` has written; it is given back when nobody has the answer any more. */
export function openImage(offset: number, length: number): MemoryImage {
  const means = findMeans()
  const part = means === undefined ? undefined : mapPart(means, offset, length)
  if (means === undefined || part === undefined)
    throw new Error(`Cannot map ${length} bytes of a module: the system refuses, wanted its memory`)
  const segments = [segmentOf(part)]
  return new MappedMemory(means, { segments, writtenBytes: 0, mostBytes: MAX_PRIVATE_BYTES })
}

/** Gives back what `writeImage` has written and nobody has opened. */
export function dropImage(offset: number, length: number): void {
  const means = findMeans()
  means?.libc.punchHole(means.file.fd, offset, length)
}

/** What mapping takes. */
interface Means {
  readonly libc: Libc
  readonly pages: DirtyPages
  readonly file: SnapshotFile
}

function findMeans(): Means | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  dirtyPages ??= openDirtyPages(libc)
  // A thread writes to its process's, or to none.
  if (isMainThread) snapshots ??= openFile(libc)
  if (dirtyPages === undefined || snapshots === undefined) return undefined
  return { libc, pages: dirtyPages, file: snapshots }
}

/** A part of the file. */
interface Part {
  /** Where it starts. */
  readonly offset: number
  readonly address: bigint
  /** Its contents: a shared mapping, not to be written to once they are there. */
  readonly bytes: Uint8Array
}

interface TakenPart extends Part {
  /** How many of its bytes instantiating had written. */
  readonly writtenBytes: number
}

/** Some bytes of a snapshot: from `start` to `end`, and where in the file they are. */
interface Segment {
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly bytes: Uint8Array
  /** Gives its memory back when nobody holds it any more. */
  readonly part: Part
}

interface Contents {
  /** Ascending, without gaps. */
  readonly segments: readonly Segment[]
  /** Of a new memory, by instantiating. */
  readonly writtenBytes: number
  /** Of private pages that a memory may have. */
  readonly mostBytes: number
}

class MappedMemory implements MemoryImage {
  readonly #means: Means
  readonly #contents: Contents
  readonly #length: number

  constructor(means: Means, contents: Contents) {
    this.#means = means
    this.#contents = contents
    this.#length = contents.segments.at(-1)?.end ?? 0
    for (const { part } of contents.segments) keepWhileUsed(means, part)
  }

  write(memory: WebAssembly.Memory): void {
    const target = new Uint8Array(memory.buffer)
    for (const { start, bytes } of this.#contents.segments) target.set(bytes, start)
  }

  adopt(memory: WebAssembly.Memory, note?: (ownBytes: number) => void): PutBack | undefined {
    const { buffer } = memory
    if (buffer.byteLength !== this.#length) return undefined
    const { libc, pages } = this.#means
    const address = libc.addressOf(buffer)
    const { writtenBytes, mostBytes } = this.#contents
    // They would all go in one step.
    if (countWritten(pages, address, this.#length) > writtenBytes + mostBytes) return undefined
    return this.#map(address) ? this.#putBack(memory, address, note) : undefined
  }

  /** What `memory`, which has begun with this one, holds now. */
  over(memory: WebAssembly.Memory): MappedMemory | undefined {
    const { buffer } = memory
    if (buffer.byteLength !== this.#length) return undefined
    const { pages, libc } = this.#means
    const now = new Uint8Array(buffer)
    const changed: Range[] = []
    const isKnown = pages.scan(libc.addressOf(buffer), this.#length, (start, end) =>
      this.#each(start, end, (from, bytes) => addChanges(changed, now, from, bytes)),
    )
    if (!isKnown) return undefined
    const pieces = joinRanges(changed, MAX_PIECES)
    const length = pieces.reduce((sum, { start, end }) => sum + end - start, 0)
    const part = length === 0 ? undefined : takePart(this.#means, length)
    if (part === undefined) return length === 0 ? this : undefined
    const above: Segment[] = []
    let at = 0
    for (const { start, end } of pieces) {
      const bytes = part.bytes.subarray(at, at + end - start)
      copyNonZero(now.subarray(start, end), bytes)
      above.push({ start, end, offset: part.offset + at, bytes, part })
      at += end - start
    }
    const segments = this.#with(above)
    return new MappedMemory(this.#means, {
      segments,
      writtenBytes: 0,
      mostBytes: MAX_REACTOR_BYTES,
    })
  }

  /** The segments, with others over them. */
  #with(above: readonly Segment[]): Segment[] {
    const segments: Segment[] = []
    const below = (start: number, end: number): void => {
      this.#each(start, end, (from, bytes, { offset, start: first, part }) =>
        segments.push({
          ...{ start: from, end: from + bytes.length, offset: offset + from - first, bytes, part },
        }),
      )
    }
    let at = 0
    for (const piece of above) {
      below(at, piece.start)
      segments.push(piece)
      at = piece.end
    }
    below(at, this.#length)
    return segments
  }

  /** Calls `each` with what is between `start` and `end`. */
  #each(
    start: number,
    end: number,
    each: (from: number, bytes: Uint8Array, segment: Segment) => void,
  ): void {
    for (const segment of this.#contents.segments) {
      if (segment.start >= end) return
      const from = Math.max(start, segment.start)
      const to = Math.min(end, segment.end)
      if (from < to)
        each(from, segment.bytes.subarray(from - segment.start, to - segment.start), segment)
    }
  }

  #map(address: bigint): boolean {
    const { libc, file } = this.#means
    const mapping = { protection: PROT_READ | PROT_WRITE, flags: MAP_PRIVATE | MAP_FIXED }
    return this.#contents.segments.every(({ start, end, offset }) => {
      const at = address + BigInt(start)
      return libc.mmap(at, end - start, { ...mapping, fd: file.fd, offset }) === at
    })
  }

  #putBack(
    memory: WebAssembly.Memory,
    address: bigint,
    note: ((ownBytes: number) => void) | undefined,
  ): PutBack {
    const { libc, pages } = this.#means
    const { mostBytes } = this.#contents
    const keepBytes = mostBytes === MAX_PRIVATE_BYTES ? mostBytes : mostBytes / 2
    const length = this.#length
    let target = new Uint8Array(memory.buffer)
    /** The pages that have been written so far, with what belongs into them; undefined: not known. */
    let written: Written[] | undefined
    const scan = (): Written[] | undefined => {
      const found: Written[] = []
      let privateBytes = 0
      const isKnown = pages.scan(address, length, (start, end) => {
        privateBytes += end - start
        if (privateBytes > keepBytes) return
        this.#each(start, end, (from, contents) => found.push({ start: from, contents }))
      })
      if (!isKnown || privateBytes > mostBytes) return undefined
      note?.(privateBytes <= keepBytes ? privateBytes : 0)
      if (privateBytes <= keepBytes) return found
      return libc.madviseDontNeed(address, length) === 0 ? [] : undefined
    }
    return (mayHaveNew) => {
      const { buffer } = memory
      if (buffer.byteLength !== length) return false
      if (target.buffer !== buffer) target = new Uint8Array(buffer) // it grew by no page
      if (mayHaveNew || written === undefined) written = scan()
      if (written === undefined) return false
      for (const { start, contents } of written) target.set(contents, start)
      return true
    }
  }
}

function segmentOf(part: Part): Segment {
  const { offset, bytes } = part
  return { start: 0, end: bytes.length, offset, bytes, part }
}

interface Written {
  readonly start: number
  readonly contents: Uint8Array
}

const kept = new WeakSet<Part>()

function keepWhileUsed(means: Means, part: Part): void {
  if (kept.has(part)) return
  kept.add(part)
  abandoned.register(part, closing(means, part))
}

/** Infinity: not known. */
function countWritten(pages: DirtyPages, address: bigint, length: number): number {
  let bytes = 0
  const isKnown = pages.scan(address, length, (start, end) => {
    bytes += end - start
  })
  return isKnown ? bytes : Number.POSITIVE_INFINITY
}

/** Of zeros, which take no memory. */
function openFile(libc: Libc): SnapshotFile | undefined {
  const fd = libc.memfdCreate(Buffer.from('wasm-fpm snapshots\0'), 1)
  if (fd < 0) return undefined
  if (libc.ftruncate(fd, FILE_BYTES) >= 0) return { fd, taken: new SharedArrayBuffer(4) }
  libc.close(fd)
  return undefined
}

function makePart(means: Means, buffer: ArrayBuffer): TakenPart | undefined {
  const { libc, pages } = means
  const part = takePart(means, buffer.byteLength)
  if (part === undefined) return undefined
  const { bytes } = part
  const from = new Uint8Array(buffer)
  let writtenBytes = 0
  // Pages that nobody has written are zeros, and looking at them would make the system map them.
  const isKnown = pages.scan(libc.addressOf(buffer), bytes.length, (start, end) => {
    writtenBytes += end - start
    copyNonZero(from.subarray(start, end), bytes.subarray(start, end))
  })
  if (isKnown) return { ...part, writtenBytes }
  closing(means, part)()
  return undefined
}

/** Takes the next `length` bytes of the file, which are zeros. */
function takePart(means: Means, length: number): Part | undefined {
  const count = Math.ceil(length / PAGE_BYTES)
  const first = Atomics.add(new Int32Array(means.file.taken), 0, count)
  const isThere = (first + count) * PAGE_BYTES <= FILE_BYTES
  return isThere ? mapPart(means, first * PAGE_BYTES, length) : undefined
}

function mapPart({ libc, file: { fd } }: Means, offset: number, length: number): Part | undefined {
  const mapping = { protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED, fd, offset }
  const address = libc.mmap(0n, length, mapping)
  if (address === MAP_FAILED) return undefined
  return { offset, address, bytes: new Uint8Array(libc.view(address, length)) }
}

/** In each turn of the event loop a little: to give 45 MB back takes 6 ms. Must not hold the part itself. */
function closing(
  { libc, file: { fd } }: Means,
  { offset, address, bytes: { length } }: Part,
): () => void {
  let at = 0
  const step = (): void => {
    const bytes = Math.min(GIVE_BACK_BYTES, length - at)
    libc.munmap(address + BigInt(at), bytes)
    libc.punchHole(fd, offset + at, bytes)
    at += bytes
    if (at < length) setImmediate(step)
  }
  return step
}

const ZERO_PAGE = Buffer.alloc(4096)

/** Leaves pages of zeros out: they cost the file nothing. */
function copyNonZero(from: Uint8Array, to: Uint8Array): void {
  for (let start = 0; start < from.length; start += ZERO_PAGE.length) {
    const page = from.subarray(start, start + ZERO_PAGE.length)
    if (ZERO_PAGE.compare(page) !== 0) to.set(page, start)
  }
}
