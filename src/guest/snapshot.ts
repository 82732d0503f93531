/**
 * What a fresh instance of a module looks like: its memories and mutable globals, taken once, put back after every run
 * (the `reset` lifetime, design §4).
 *
 * Memory is kept and put back in chunks. A chunk of zeros is not kept, and written only when a run has left something in
 * it: putting back never touches a page that no run has touched, so idle instances cost only the pages they use.
 */
import { RESTORE_EXPORT, SAVE_EXPORT } from '../wasm/contract.ts'
import type { GuestModule } from './module.ts'

/** Small enough that one dirty byte costs little, large enough that the loop does not show. */
const CHUNK_BYTES = 16 * 1024

const PAGE_BYTES = 64 * 1024

const ZEROS = Buffer.alloc(CHUNK_BYTES)

interface MemorySnapshot {
  /** Bytes of the memory; one that has grown cannot be put back. */
  readonly byteLength: number
  /** One entry a chunk; undefined: all zeros. */
  readonly chunks: ReadonlyArray<Buffer | undefined>
}

/** Taken from the first instance of a module; every further one starts out the same. */
const snapshots = new WeakMap<WebAssembly.Module, readonly MemorySnapshot[]>()

/** The state of one instance that a run can change. */
export class MutableState {
  readonly #module: GuestModule
  readonly #memories: readonly WebAssembly.Memory[]
  readonly #restoreGlobals: () => void

  /** `exports`: of a new instance of `module`, which has not run yet. */
  constructor(module: GuestModule, exports: WebAssembly.Exports) {
    this.#module = module
    this.#memories = module.memoryExports.map((name) => exports[name] as WebAssembly.Memory)
    this.#restoreGlobals = exports[RESTORE_EXPORT] as () => void
    if (!module.isResettable) return
    const save = exports[SAVE_EXPORT] as () => void
    save()
    if (!snapshots.has(module.module)) snapshots.set(module.module, this.#memories.map(copyMemory))
  }

  /** Puts everything back. False, and nothing promised: the instance must be thrown away. */
  restore(): boolean {
    const snapshot = snapshots.get(this.#module.module)
    if (snapshot === undefined) return false
    for (const [index, memory] of this.#memories.entries()) {
      const wanted = snapshot[index]
      if (wanted === undefined || !restoreMemory(memory, wanted)) return false
    }
    this.#restoreGlobals()
    return true
  }

  /** Bytes of all memories. */
  bytes(): number {
    let bytes = 0
    for (const memory of this.#memories) bytes += memory.buffer.byteLength
    return bytes
  }

  /** Whether no memory can grow by another page. */
  isFull(): boolean {
    return this.bytes() + PAGE_BYTES > this.#module.memoryMaxBytes
  }
}

function copyMemory(memory: WebAssembly.Memory): MemorySnapshot {
  const bytes = Buffer.from(memory.buffer)
  const chunks: Array<Buffer | undefined> = []
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES)
    chunks.push(isZero(chunk) ? undefined : Buffer.from(chunk))
  }
  return { byteLength: bytes.length, chunks }
}

function restoreMemory(
  memory: WebAssembly.Memory,
  { byteLength, chunks }: MemorySnapshot,
): boolean {
  const { buffer } = memory
  if (buffer.byteLength !== byteLength) return false
  const bytes = Buffer.from(buffer)
  for (let index = 0, start = 0; start < byteLength; index += 1, start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES)
    const wanted = chunks[index]
    if (wanted !== undefined) chunk.set(wanted)
    else if (!isZero(chunk)) chunk.fill(0)
  }
  return true
}

function isZero(chunk: Buffer): boolean {
  return chunk.equals(chunk.length === CHUNK_BYTES ? ZEROS : ZEROS.subarray(0, chunk.length))
}
