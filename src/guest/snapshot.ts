/**
 * What a fresh instance of a module looks like: its memories and mutable globals, taken once, put back after every run
 * (the `reset` lifetime, design §4). Small memories are copied, big ones are mapped.
 */
import { RESTORE_EXPORT, SAVE_EXPORT } from '../wasm/contract.ts'
import { copyMemory } from './copied-memory.ts'
import { mapMemory } from './mapped-memory.ts'
import type { MemorySnapshot } from './memory-snapshot.ts'
import type { GuestModule } from './module.ts'

/** From this size on a memory is mapped, where the system can do that, instead of copied. */
export const MAPPED_BYTES = 256 * 1024

const PAGE_BYTES = 64 * 1024

/** Taken from the first instance of a module; every further one starts out the same. */
const snapshots = new WeakMap<WebAssembly.Module, readonly MemorySnapshot[]>()

/** The state of one instance that a run can change. */
export class MutableState {
  readonly #module: GuestModule
  readonly #memories: readonly WebAssembly.Memory[]
  readonly #snapshots: readonly MemorySnapshot[] | undefined
  readonly #restoreGlobals: () => void
  #isAdopted = false

  /** `exports`: of a new instance of `module`, which has not run yet. */
  constructor(module: GuestModule, exports: WebAssembly.Exports) {
    this.#module = module
    this.#memories = module.memoryExports.map((name) => exports[name] as WebAssembly.Memory)
    this.#restoreGlobals = exports[RESTORE_EXPORT] as () => void
    if (!module.isResettable) return
    const saveGlobals = exports[SAVE_EXPORT] as () => void
    saveGlobals()
    this.#snapshots = snapshotsOf(module.module, this.#memories)
  }

  /** Puts everything back. False, and nothing promised: the instance must be thrown away. */
  restore(): boolean {
    if (this.#snapshots === undefined) return false
    for (const [index, memory] of this.#memories.entries()) {
      const snapshot = this.#snapshots[index]
      const isBack = this.#isAdopted ? snapshot?.restore(memory) : snapshot?.adopt(memory)
      if (isBack !== true) return false
    }
    this.#isAdopted = true
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

function snapshotsOf(
  module: WebAssembly.Module,
  memories: readonly WebAssembly.Memory[],
): readonly MemorySnapshot[] {
  let taken = snapshots.get(module)
  if (taken === undefined) {
    taken = memories.map(takeSnapshot)
    snapshots.set(module, taken)
  }
  return taken
}

function takeSnapshot(memory: WebAssembly.Memory): MemorySnapshot {
  const mapped = memory.buffer.byteLength < MAPPED_BYTES ? undefined : mapMemory(memory)
  return mapped ?? copyMemory(memory)
}
