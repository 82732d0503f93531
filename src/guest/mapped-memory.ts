/**
 * A big memory's first state, mapped copy-on-write over the memory of every instance.
 *
 * The pages of the snapshot are shared by all of them. Putting back copies the pages that were written and no others, so it
 * costs what the run touched, not what the memory has; written pages stay private, so that the next run takes no page faults
 * for them.
 *
 * A snapshot may lie over another one: it has the pages in which they differ, and shares the others. What is zeros in it is not
 * mapped from the file but the system's own: then the first write to a page costs half as much, and nothing in the file.
 */

import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../base/libc.ts'
import type { DataPiece } from '../wasm/take-out-data.ts'
import { addChanges, joinRanges, type Range, ZERO_PAGE } from './changed-pages.ts'
import type { DirtyPages } from './dirty-pages.ts'
import type { MemoryImage, MemorySnapshot, PutBack } from './memory-snapshot.ts'
import {
  closing,
  contentsOf,
  findMeans,
  keepWhileUsed,
  type Means,
  mapPart,
  type Part,
  takePart,
} from './snapshot-file.ts'

/** Of private pages a memory may have; one that has more is given up, and goes back to the system a little at a time. */
const MAX_PRIVATE_BYTES = 8 * 1024 * 1024
/** Of a reactor, which is dear to make anew: from half of it on they go back to the system, and the memory is kept. */
export const MAX_REACTOR_BYTES = 32 * 1024 * 1024

/** To copy a few takes less time than to call `fill`. */
const ZEROS = new Uint8Array(32_768)

/** Most pieces of a snapshot over another one: each of them, and what is between them, is a mapping of every instance. */
const MAX_PIECES = 12

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
  return new MappedMemory(means, contentsFrom(means, whole, { writtenBytes, mostBytes }))
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
  const most = { writtenBytes: 0, mostBytes: MAX_PRIVATE_BYTES }
  return new MappedMemory(means, contentsFrom(means, part, most))
}

/** Gives back what `writeImage` has written and nobody has opened. */
export function dropImage(offset: number, length: number): void {
  const means = findMeans()
  means?.libc.punchHole(means.file.fd, offset, length)
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

interface Most {
  /** Of a new memory, by instantiating. */
  readonly writtenBytes: number
  /** Of private pages that a memory may have. */
  readonly mostBytes: number
}

interface Contents extends Most {
  /** Of the memory, in bytes. */
  readonly length: number
  /** Ascending; between them there are zeros. */
  readonly segments: readonly Segment[]
}

/** Is told of bytes from `start` to `end` of a snapshot; undefined: zeros. */
type EachBytes = (start: number, end: number, bytes: Uint8Array | undefined) => void

class MappedMemory implements MemoryImage {
  readonly #means: Means
  readonly #contents: Contents

  constructor(means: Means, contents: Contents) {
    this.#means = means
    this.#contents = contents
  }

  get length(): number {
    return this.#contents.length
  }

  get mappings(): number {
    return 2 * this.#contents.segments.length
  }

  write(memory: WebAssembly.Memory): void {
    const target = new Uint8Array(memory.buffer)
    for (const { start, bytes } of this.#contents.segments) target.set(bytes, start)
  }

  adopt(memory: WebAssembly.Memory, note?: (ownBytes: number) => void): PutBack | undefined {
    const { buffer } = memory
    const { writtenBytes, mostBytes } = this.#contents
    const { libc, pages } = this.#means
    const address = libc.addressOf(buffer)
    // They would all go in one step.
    if (countWritten(pages, address, buffer.byteLength) > writtenBytes + mostBytes) return undefined
    return this.#map(address, buffer.byteLength) ? this.#putBack(memory, address, note) : undefined
  }

  /** What `memory`, which has begun with this one, holds now. */
  over(memory: WebAssembly.Memory): MappedMemory | undefined {
    const { buffer } = memory
    const { length } = this.#contents
    if (buffer.byteLength !== length) return undefined
    const { pages, libc } = this.#means
    const now = new Uint8Array(buffer)
    const changed: Range[] = []
    const isKnown = pages.scan(libc.addressOf(buffer), length, (from, to) =>
      this.#each(from, to, (start, end, bytes) => addChanges(changed, now, { start, end }, bytes)),
    )
    if (!isKnown) return undefined
    const pieces = joinRanges(changed, MAX_PIECES)
    const bytes = pieces.reduce((sum, { start, end }) => sum + end - start, 0)
    const part = bytes === 0 ? undefined : takePart(this.#means, bytes)
    if (part === undefined) return bytes === 0 ? this : undefined
    keepWhileUsed(this.#means, part)
    let at = 0
    for (const { start, end } of pieces) {
      copyNonZero(now.subarray(start, end), part.bytes.subarray(at, at + end - start))
      at += end - start
    }
    const segments = this.#under(pieces, part)
    return new MappedMemory(this.#means, {
      ...{ length, segments, writtenBytes: 0, mostBytes: MAX_REACTOR_BYTES },
    })
  }

  /** The segments, with `pieces` over them, whose bytes are one behind the other in `part`. */
  #under(pieces: readonly Range[], part: Part): Segment[] {
    const { length, segments } = this.#contents
    const result: Segment[] = []
    const below = (start: number, end: number): void => {
      for (const one of segments) {
        const cut = cutSegment(one, start, end)
        if (cut !== undefined) result.push(cut)
      }
    }
    const above = contentsOf(this.#means, part)
    let [end, at] = [0, 0]
    for (const piece of pieces) {
      below(end, piece.start)
      const whole = { ...piece, offset: part.offset + at, part }
      at += piece.end - piece.start
      const bytes = part.bytes.subarray(at - piece.end + piece.start, at)
      for (const there of above) {
        const moved = piece.end - at
        const cut = cutSegment({ ...whole, bytes }, there.start + moved, there.end + moved)
        if (cut !== undefined) result.push(cut)
      }
      end = piece.end
    }
    below(end, length)
    return result
  }

  #each(from: number, to: number, each: EachBytes): void {
    let at = from
    for (const segment of this.#contents.segments) {
      const cut = cutSegment(segment, at, to)
      if (cut === undefined) continue
      if (cut.start > at) each(at, cut.start, undefined)
      each(cut.start, cut.end, cut.bytes)
      at = cut.end
    }
    if (at < to) each(at, to, undefined)
  }

  /** Whatever is there goes. `total`: bytes of the memory, which may have grown. */
  #map(address: bigint, total: number): boolean {
    const { libc, file } = this.#means
    const { segments } = this.#contents
    const protection = PROT_READ | PROT_WRITE
    const flags = MAP_PRIVATE | MAP_FIXED
    const mapZeros = (start: number, end: number): boolean => {
      if (start === end) return true
      const at = address + BigInt(start)
      const mapping = { protection, flags: flags | MAP_ANONYMOUS, fd: -1 }
      if (libc.mmap(at, end - start, mapping) !== at) return false
      libc.smallPages(at, end - start) // one that is written must not become a huge one
      return true
    }
    let done = 0
    for (const { start, end, offset } of segments) {
      const at = address + BigInt(start)
      const mapping = { protection, flags, fd: file.fd, offset }
      if (!mapZeros(done, start) || libc.mmap(at, end - start, mapping) !== at) return false
      done = end
    }
    return mapZeros(done, total)
  }

  #putBack(
    memory: WebAssembly.Memory,
    address: bigint,
    note: ((ownBytes: number) => void) | undefined,
  ): PutBack {
    const { libc, pages } = this.#means
    const { mostBytes } = this.#contents
    const keepBytes = mostBytes === MAX_PRIVATE_BYTES ? mostBytes : mostBytes / 2
    let target = new Uint8Array(memory.buffer)
    let known = target.length
    /** The pages that have been written so far. */
    let written: readonly Written[] = []
    /** What belongs into all of them; undefined: not known. */
    let pieces: readonly Piece[] | undefined
    const drop = (ranges: readonly Range[]): boolean =>
      ranges.every(
        ({ start, end }) => libc.madviseDontNeed(address + BigInt(start), end - start) === 0,
      )
    const scan = (): readonly Piece[] | undefined => {
      const found: Written[] = []
      let [privateBytes, next, isSame] = [0, 0, pieces !== undefined]
      const isKnown = pages.scan(address, target.length, (start, end) => {
        privateBytes += end - start
        if (privateBytes > keepBytes) return
        while ((written[next]?.start ?? end) < start) next += 1
        let one = written[next]
        if (one?.start !== start || one.end !== end) {
          one = { start, end, pieces: this.#pieces(start, end) }
          isSame = false
        }
        found.push(one)
      })
      if (!isKnown || privateBytes > mostBytes) return undefined
      note?.(privateBytes <= keepBytes ? privateBytes : 0)
      if (privateBytes > keepBytes) {
        written = []
        return drop([{ start: 0, end: target.length }]) ? [] : undefined
      }
      isSame &&= found.length === written.length
      written = found
      return isSame ? pieces : found.flatMap((one) => one.pieces)
    }
    return (mayHaveNew, how) => {
      // Nothing is left of it once the memory has grown.
      if (target.length === 0) {
        const { buffer } = memory
        if (libc.addressOf(buffer) !== address) return false
        target = new Uint8Array(buffer)
        if (target.length > known) libc.smallPages(address + BigInt(known), target.length - known)
        known = target.length
        pieces = undefined
      }
      // What has only been read stays: to find it again costs as much as a copy.
      if (how === 'dropped' && drop(written)) {
        written = []
        pieces = undefined
        note?.(0)
        return true
      }
      if (mayHaveNew || pieces === undefined) pieces = scan()
      if (pieces === undefined) return false
      for (const { start, end, contents } of pieces) {
        if (contents === undefined) target.fill(0, start, end)
        else target.set(contents, start)
      }
      return true
    }
  }

  #pieces(from: number, to: number): readonly Piece[] {
    const pieces: Piece[] = []
    this.#each(from, to, (start, end, bytes) => {
      const contents =
        bytes ?? (end - start <= ZEROS.length ? ZEROS.subarray(0, end - start) : undefined)
      pieces.push({ start, end, contents })
    })
    return pieces
  }
}

/** Pages that have been written, one behind the other. */
interface Written extends Readonly<Range> {
  readonly pieces: readonly Piece[]
}

/** Some of them, and what belongs into them; undefined: more zeros than `ZEROS`. */
interface Piece extends Readonly<Range> {
  readonly contents: Uint8Array | undefined
}

/** `part` is all of it. */
function contentsFrom(means: Means, part: Part, most: Most): Contents {
  const { offset, bytes } = part
  keepWhileUsed(means, part)
  const segments = contentsOf(means, part).map(({ start, end }) => ({
    ...{ start, end, offset: offset + start, bytes: bytes.subarray(start, end), part },
  }))
  return { ...most, length: bytes.length, segments }
}

/** What of it is from `from` to `to`; undefined: nothing. */
function cutSegment(segment: Segment, from: number, to: number): Segment | undefined {
  const [start, end] = [Math.max(from, segment.start), Math.min(to, segment.end)]
  if (start >= end) return undefined
  const before = start - segment.start
  const bytes = segment.bytes.subarray(before, end - segment.start)
  return { start, end, offset: segment.offset + before, bytes, part: segment.part }
}

/** Infinity: not known. */
function countWritten(pages: DirtyPages, address: bigint, length: number): number {
  let bytes = 0
  const isKnown = pages.scan(address, length, (start, end) => {
    bytes += end - start
  })
  return isKnown ? bytes : Number.POSITIVE_INFINITY
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

/** Leaves pages of zeros out: they cost the file nothing. */
function copyNonZero(from: Uint8Array, to: Uint8Array): void {
  for (let start = 0; start < from.length; start += ZERO_PAGE.length) {
    const page = from.subarray(start, start + ZERO_PAGE.length)
    if (Buffer.compare(ZERO_PAGE, page) !== 0) to.set(page, start)
  }
}
