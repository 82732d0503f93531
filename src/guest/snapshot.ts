/**
 * What a fresh instance of a module looks like: its memories and mutable globals, taken once, put back after every run
 * (the `reset` lifetime: a guest cannot tell such an instance from a new one). Small memories are copied, big ones are mapped.
 */
import { RESTORE_EXPORT, SAVE_EXPORT, spareExport } from '../wasm/contract.ts'
import { copyMemory } from './copied-memory.ts'
import { type FirstState, readGlobals, writeGlobals } from './first-state.ts'
import { type GuestMemory, sizeOf } from './guest-memory.ts'
import type { GuestModule } from './guest-module.ts'
import { mapMemory, mapOver } from './mapped-memory.ts'
import type { MemorySnapshot } from './memory-snapshot.ts'
import { pageFaults, pageFaultsLately } from './page-faults.ts'
import { UsualGrowth } from './usual-growth.ts'

/** From this size on a memory is mapped, where the system can do that, instead of copied. */
export const MAPPED_BYTES = 256 * 1024

const PAGE_BYTES = 64 * 1024
/** What an instance of a reactor takes besides its memory, about: tables of functions, most of all. */
const REACTOR_BYTES = 512 * 1024

/** Taken from the first instance of a module, or what it began with; every further one starts out the same. Not of reactors. */
const snapshots = new WeakMap<WebAssembly.Module, readonly MemorySnapshot[]>()

/** By whose the instances are: what runs of one tenant take, those of another one must not be told. */
const usualGrowth = new WeakMap<object, readonly UsualGrowth[]>()

/** The state of one instance that a run can change. */
export class MutableState {
  readonly #module: GuestModule
  readonly #memories: readonly GuestMemory[]
  readonly #snapshots: readonly MemorySnapshot[]
  readonly #firstBytes: number
  readonly #restoreGlobals: () => void
  /** Of each memory: pages that it has, and the guest has not been given. undefined: it cannot be put back when it has grown. */
  readonly #spares: ReadonlyArray<WebAssembly.Global | undefined>
  readonly #growth: readonly UsualGrowth[]
  /** Whether pages may have been written that had not been written when they were put back last; instantiating does. */
  #mayHaveNewPages = true
  /** Of the thread, when the guest's code was called or went on. */
  #faultsBefore = Number.NaN
  /** Whether it does so after others' turn. */
  #isGoingOn = false

  /**
   * `memories`, `exports`: of a new instance of `module`, which has not run yet. `owner`: whose it is, which has no other module; instances
   * of one owner may know by how much those before them have grown. Default: the module.
   */
  constructor(
    module: GuestModule,
    memories: readonly GuestMemory[],
    {
      exports,
      owner = module,
    }: { readonly exports: WebAssembly.Exports; readonly owner?: object | undefined },
  ) {
    this.#module = module
    this.#memories = memories
    this.#restoreGlobals = exports[RESTORE_EXPORT] as () => void
    const saveGlobals = exports[SAVE_EXPORT] as () => void
    const { first } = module
    this.#snapshots = first?.memories ?? snapshotsOf(module.module, memories)
    this.#firstBytes = this.#snapshots.reduce((sum, { length }) => sum + length, 0)
    this.#spares = memories.map((_, index) => exports[spareExport(index)] as WebAssembly.Global)
    this.#growth = growthOf(owner, memories.length)
    this.#setSpares()
    if (first !== undefined) this.#begin(first, exports)
    saveGlobals()
  }

  /** Takes what the instance holds now, for others to begin with. Throws GUEST_WRONG_CONTRACT. */
  take(exports: WebAssembly.Exports): FirstState {
    const memories = this.#memories.map(({ memory, image }, index) => {
      const below = this.#module.first?.memories[index] ?? image
      return below === undefined ? takeSnapshot(memory, true) : takeOver(below, memory)
    })
    return { memories, globals: readGlobals(exports) }
  }

  #begin({ globals }: FirstState, exports: WebAssembly.Exports): void {
    if (!this.restoreMemories())
      throw new Error(
        `Cannot make an instance of ${this.#module.name}: the system refuses memory, wanted it`,
      )
    writeGlobals(exports, globals)
  }

  /** Whether the thread has had no page fault while guest code ran, since the memories were put back. */
  get hadNoFault(): boolean {
    return !this.#mayHaveNewPages
  }

  /** Runs code of the guest until it ends or waits, or it is others' turn. */
  watch<Result>(code: () => Result): Result {
    if (this.#mayHaveNewPages) return code()
    this.#faultsBefore = pageFaultsLately()
    try {
      return code()
    } finally {
      this.#lookForFaults()
    }
  }

  /** It is others' turn: nobody writes to the memories until `goOn`. */
  pause(): void {
    this.#isGoingOn = false
    this.#lookForFaults()
  }

  /** The guest's code is about to go on, outside of `watch`, until `pause` or `endWatch`. */
  goOn(): void {
    if (this.#mayHaveNewPages) return
    this.#isGoingOn = true
    this.#faultsBefore = pageFaults()
  }

  /** What has been called has ended. */
  endWatch(): void {
    if (this.#isGoingOn) this.pause()
  }

  /** The memories are written to outside of all that. */
  loseSight(): void {
    this.#mayHaveNewPages = true
  }

  #lookForFaults(): void {
    if (!this.#mayHaveNewPages && pageFaults() !== this.#faultsBefore) this.#mayHaveNewPages = true
  }

  /** Puts everything back. False, and nothing promised: the instance must be thrown away. */
  restore(): boolean {
    if (!this.#module.isResettable) return false
    this.#noteGrowth()
    if (!this.restoreMemories()) return false
    this.#restoreGlobals()
    return true
  }

  /** Puts back what another instance can have. False, and nothing promised: they must be thrown away. */
  restoreMemories(): boolean {
    for (const [index, memory] of this.#memories.entries()) {
      const snapshot = this.#snapshots[index]
      if (snapshot === undefined || !this.#mayBePutBack(index)) return false
      if (!memory.restore(snapshot, this.#mayHaveNewPages)) return false
    }
    this.#setSpares()
    this.#isGoingOn = false
    // Small memories are not put back by pages.
    this.#mayHaveNewPages = this.bytes() < MAPPED_BYTES
    return true
  }

  /** They have been put back, and are not used for a while. */
  giveBack(): void {
    for (const memory of this.#memories) memory.giveBack()
  }

  #mayBePutBack(index: number): boolean {
    const grown = this.#grownPages(index)
    return (
      grown === 0 || (this.#spares[index] !== undefined && grown === this.#growth[index]?.pages)
    )
  }

  #grownPages(index: number): number {
    const { length = 0 } = this.#snapshots[index] ?? {}
    return ((this.#memories[index]?.size ?? 0) - length) / PAGE_BYTES
  }

  #noteGrowth(): void {
    for (let index = 0; index < this.#growth.length; index += 1) {
      const grown = this.#grownPages(index)
      const spare = grown === 0 ? 0 : Number(this.#spares[index]?.value ?? 0)
      this.#growth[index]?.note(grown - spare)
    }
  }

  /** What memories have grown by is what they have to spare; a guest is given no more at first than it was the first time. */
  #setSpares(): void {
    for (let index = 0; index < this.#spares.length; index += 1) {
      const pages = this.#grownPages(index)
      const spare = pages === 0 ? undefined : this.#spares[index]
      if (spare !== undefined) spare.value = pages
    }
  }

  /** Bytes of all memories that the guest has been given. */
  givenBytes(): number {
    let bytes = this.bytes()
    if (bytes === this.#firstBytes) return bytes
    for (const spare of this.#spares) bytes -= Number(spare?.value ?? 0) * PAGE_BYTES
    return bytes
  }

  /** Bytes of all memories. */
  bytes(): number {
    return sizeOf(this.#memories)
  }

  /** Bytes of all memories that are the instance's own: of a reactor those that requests have written to. */
  ownBytes(): number {
    if (this.#module.first === undefined) return this.bytes()
    return this.#memories.reduce((sum, { ownBytes }) => sum + ownBytes, REACTOR_BYTES)
  }

  /** What a run has had of them. */
  runBytes(): number {
    return this.#module.first === undefined ? this.givenBytes() : this.ownBytes()
  }

  /** How many mappings of the process its memories take. */
  mappings(): number {
    return this.#snapshots.reduce((sum, { mappings }) => sum + mappings, 2 * this.#snapshots.length)
  }

  /**
   * Whether memories have grown as far as they may. One that never grows, as a reactor's, may be full or empty: only its guest
   * knows.
   */
  hasGrownFull(): boolean {
    const bytes = this.givenBytes()
    return bytes > this.#firstBytes && bytes + PAGE_BYTES > this.#module.memoryMaxBytes
  }
}

function snapshotsOf(
  module: WebAssembly.Module,
  memories: readonly GuestMemory[],
): readonly MemorySnapshot[] {
  let taken = snapshots.get(module)
  if (taken === undefined) {
    taken = memories.map(({ memory, image }) => image ?? takeSnapshot(memory))
    snapshots.set(module, taken)
  }
  return taken
}

function growthOf(owner: object, memories: number): readonly UsualGrowth[] {
  let known = usualGrowth.get(owner)
  if (known === undefined) {
    known = Array.from({ length: memories }, () => new UsualGrowth())
    usualGrowth.set(owner, known)
  }
  return known
}

function takeOver(below: MemorySnapshot, memory: WebAssembly.Memory): MemorySnapshot {
  return mapOver(below, memory) ?? copyMemory(memory)
}

function takeSnapshot(memory: WebAssembly.Memory, isReactor = false): MemorySnapshot {
  const mapped = memory.buffer.byteLength < MAPPED_BYTES ? undefined : mapMemory(memory, isReactor)
  return mapped ?? copyMemory(memory)
}
