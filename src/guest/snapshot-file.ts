/**
 * Where snapshots lie. All snapshots of a process are in one file in memory: as many modules would need as many descriptors. Parts
 * of it are not used again, which costs nothing: what is given back takes no memory, and neither do pages of zeros.
 */
import { isMainThread, workerData } from 'node:worker_threads'
import { type Libc, loadLibc, MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE } from '../base/libc.ts'
import { joinRanges, type Range } from './changed-pages.ts'
import { type DirtyPages, openDirtyPages } from './dirty-pages.ts'

/** Snapshots that nobody uses any more give their memory and their mapping back. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

export interface SnapshotFile {
  readonly fd: number
  /** How much of it is taken, in pages of 64 KiB: an Int32, for all threads that write to it. */
  readonly taken: SharedArrayBuffer
}

/** What a thread is given that writes images. */
export interface ImageThreadContext {
  readonly snapshots: SnapshotFile | undefined
}

/** What mapping takes. */
export interface Means {
  readonly libc: Libc
  readonly pages: DirtyPages
  readonly file: SnapshotFile
}

/** A part of the file. */
export interface Part {
  /** Where it starts. */
  readonly offset: number
  readonly address: bigint
  /** Its contents: a shared mapping, not to be written to once they are there; looking at zeros makes the system keep them. */
  readonly bytes: Uint8Array
}

/** More than is ever taken. */
const FILE_BYTES = 2 ** 46
const PAGE_BYTES = 65_536
/** Of a snapshot, in one turn of the event loop. */
const GIVE_BACK_BYTES = 1024 * 1024
/** Ranges that a part's contents are taken for, zeros between them left out: each is a mapping of every instance. */
const MAX_RANGES = 3

let dirtyPages: DirtyPages | undefined
let snapshots: SnapshotFile | undefined = (workerData as ImageThreadContext | null)?.snapshots

/** undefined: this system cannot map memory. */
export function snapshotFile(): SnapshotFile | undefined {
  return findMeans()?.file
}

/** undefined: this system cannot map memory. */
export function findMeans(): Means | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  dirtyPages ??= openDirtyPages(libc)
  // A thread writes to its process's, or to none.
  if (isMainThread) snapshots ??= openFile(libc)
  if (dirtyPages === undefined || snapshots === undefined) return undefined
  return { libc, pages: dirtyPages, file: snapshots }
}

/** Of zeros, which take no memory. */
function openFile(libc: Libc): SnapshotFile | undefined {
  const fd = libc.memfdCreate(Buffer.from('wasm-fpm snapshots\0'), 1)
  if (fd < 0) return undefined
  if (libc.ftruncate(fd, FILE_BYTES) >= 0) return { fd, taken: new SharedArrayBuffer(4) }
  libc.close(fd)
  return undefined
}

/** Takes the next `length` bytes of the file, which are zeros. */
export function takePart(means: Means, length: number): Part | undefined {
  const count = Math.ceil(length / PAGE_BYTES)
  const first = Atomics.add(new Int32Array(means.file.taken), 0, count)
  const isThere = (first + count) * PAGE_BYTES <= FILE_BYTES
  return isThere ? mapPart(means, first * PAGE_BYTES, length) : undefined
}

export function mapPart(
  { libc, file: { fd } }: Means,
  offset: number,
  length: number,
): Part | undefined {
  const mapping = { protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED, fd, offset }
  const address = libc.mmap(0n, length, mapping)
  if (address === MAP_FAILED) return undefined
  return { offset, address, bytes: new Uint8Array(libc.view(address, length)) }
}

/** Where in a part, which has been written, there is something, ascending; around it and between there are zeros. */
export function contentsOf({ libc, pages, file: { fd } }: Means, part: Part): readonly Range[] {
  const { offset, bytes } = part
  const whole = [{ start: 0, end: bytes.length }]
  if (!pages.tellsZeros) return whole
  const found: Range[] = []
  for (let at = 0; at < bytes.length; ) {
    const data = libc.seekData(fd, offset + at)
    if (data < 0 || data >= offset + bytes.length) break
    const hole = libc.seekHole(fd, data)
    if (hole < 0) return whole
    found.push({ start: data - offset, end: Math.min(hole - offset, bytes.length) })
    at = hole - offset
  }
  return joinRanges(found, MAX_RANGES)
}

/** Gives its memory back when nobody holds it any more; all zeros, which no snapshot needs it for, soon. Once for each part. */
export function keepWhileUsed(means: Means, part: Part): void {
  abandoned.register(part, closing(means, part))
}

/**
 * Gives a part back, in each turn of the event loop a little: to give 45 MB back takes 6 ms. What it answers must not hold the part
 * itself.
 */
export function closing(
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
