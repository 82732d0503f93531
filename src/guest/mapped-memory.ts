/**
 * A big memory's first state, mapped copy-on-write over the memory of every instance.
 *
 * The pages of the snapshot are shared by all of them. Putting back copies the pages that were written and no others, so it
 * costs what the run touched, not what the memory has; written pages stay private, so that the next run takes no page faults
 * for them.
 */
import { type DirtyPages, openDirtyPages } from './dirty-pages.ts'
import {
  type Libc,
  loadLibc,
  MAP_FAILED,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from './libc.ts'
import type { MemorySnapshot } from './memory-snapshot.ts'

/** Of private pages an idle instance may keep; above that they are given back to the system. */
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

  adopt(memory: WebAssembly.Memory): boolean {
    const { buffer } = memory
    if (buffer.byteLength !== this.#file.bytes.length) return false
    const address = this.#libc.addressOf(buffer)
    const mapped = this.#libc.mmap(address, buffer.byteLength, {
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_FIXED,
      fd: this.#file.fd,
    })
    return mapped === address
  }

  restore(memory: WebAssembly.Memory): boolean {
    const { buffer } = memory
    const { bytes } = this.#file
    if (buffer.byteLength !== bytes.length) return false
    const address = this.#libc.addressOf(buffer)
    const target = new Uint8Array(buffer)
    let privateBytes = 0
    const isKnown = this.#dirtyPages.scan(address, bytes.length, (start, end) => {
      privateBytes += end - start
      if (privateBytes <= MAX_PRIVATE_BYTES) target.set(bytes.subarray(start, end), start)
    })
    if (isKnown && privateBytes <= MAX_PRIVATE_BYTES) return true
    return this.#libc.madviseDontNeed(address, bytes.length) === 0
  }
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
  const view = libc.view(address, length)
  const file = { fd, bytes: new Uint8Array(view) }
  abandoned.register(file, () => {
    libc.munmap(address, length)
    libc.close(fd)
  })
  // Pages that nobody has written are zeros, and looking at them would make the system map them.
  const from = new Uint8Array(buffer)
  const isKnown = pages.scan(libc.addressOf(buffer), length, (start, end) => {
    copyNonZero(from.subarray(start, end), file.bytes.subarray(start, end))
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
