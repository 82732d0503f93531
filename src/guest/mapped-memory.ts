/**
 * A big memory's first state, mapped copy-on-write over the memory of every instance.
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

/** Snapshots that nobody uses any more give their file and their mapping back. */
const abandoned = new FinalizationRegistry<() => void>((release) => release())

let dirtyPages: DirtyPages | undefined

/** Takes the first state of `memory`. undefined: this system cannot map it. */
export function mapMemory(memory: WebAssembly.Memory): MemorySnapshot | undefined {
  const libc = loadLibc()
  if (libc === undefined) return undefined
  dirtyPages ??= openDirtyPages(libc)
  if (dirtyPages === undefined) return undefined
  const file = makeFile(libc, dirtyPages, memory.buffer)
  if (file === undefined) return undefined
  return new MappedMemory(libc, dirtyPages, file)
}

interface SnapshotFile {
  readonly fd: number
  /** Its contents: a shared mapping, not to be written to. */
  readonly bytes: Uint8Array
  /** How many of them instantiating had written. */
  readonly writtenBytes: number
}

class MappedMemory implements MemorySnapshot {
  readonly #libc: Libc
  readonly #dirtyPages: DirtyPages
  readonly #file: SnapshotFile

  constructor(libc: Libc, pages: DirtyPages, file: SnapshotFile) {
    this.#libc = libc
    this.#dirtyPages = pages
    this.#file = file
  }

  adopt(memory: WebAssembly.Memory): PutBack | undefined {
    const { buffer } = memory
    if (buffer.byteLength !== this.#file.bytes.length) return undefined
    const address = this.#libc.addressOf(buffer)
    const ownBytes = countWritten(this.#dirtyPages, address, buffer.byteLength)
    // They would all go in one step.
    if (ownBytes > this.#file.writtenBytes + MAX_PRIVATE_BYTES) return undefined
    const mapped = this.#libc.mmap(address, buffer.byteLength, {
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_FIXED,
      fd: this.#file.fd,
    })
    if (mapped !== address) return undefined
    return this.#putBack(memory, address)
  }

  #putBack(memory: WebAssembly.Memory, address: bigint): PutBack {
    const { bytes } = this.#file
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

function makeFile(libc: Libc, pages: DirtyPages, buffer: ArrayBuffer): SnapshotFile | undefined {
  const fd = libc.memfdCreate(Buffer.from('wasm-fpm snapshot\0'), 1)
  if (fd < 0) return undefined
  const length = buffer.byteLength
  const address =
    libc.ftruncate(fd, length) < 0
      ? MAP_FAILED
      : libc.mmap(0n, length, { protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED, fd })
  if (address === MAP_FAILED) {
    libc.close(fd)
    return undefined
  }
  const bytes = new Uint8Array(libc.view(address, length))
  const from = new Uint8Array(buffer)
  let writtenBytes = 0
  // Pages that nobody has written are zeros, and looking at them would make the system map them.
  const isKnown = pages.scan(libc.addressOf(buffer), length, (start, end) => {
    writtenBytes += end - start
    copyNonZero(from.subarray(start, end), bytes.subarray(start, end))
  })
  const file = { fd, bytes, writtenBytes }
  abandoned.register(file, () => {
    libc.munmap(address, length)
    libc.close(fd)
  })
  return isKnown ? file : undefined
}

const ZERO_PAGE = Buffer.alloc(4096)

/** Leaves pages of zeros out: they cost the file nothing. */
function copyNonZero(from: Uint8Array, to: Uint8Array): void {
  for (let start = 0; start < from.length; start += ZERO_PAGE.length) {
    const page = from.subarray(start, start + ZERO_PAGE.length)
    if (ZERO_PAGE.compare(page) !== 0) to.set(page, start)
  }
}
