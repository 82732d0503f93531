/**
 * One linear memory. It is the host's, so that it can outlive the instance it was made for: making a memory, and getting rid of
 * it, is the larger part of what an instance costs.
 */
import { MEMORY_IMPORT_MODULE } from '../wasm/contract.ts'
import type { MemorySize } from '../wasm/import-memories.ts'
import type { GuestModule } from './guest-module.ts'
import { openImage } from './mapped-memory.ts'
import type { MemoryImage, MemorySnapshot, PutBack } from './memory-snapshot.ts'

/** Less of its own is not worth the page faults that it costs the next run. */
const LEAST_GIVEN_BACK_BYTES = 256 * 1024

/** What memories begin with, where that is not what instantiating writes. */
const images = new WeakMap<WebAssembly.Module, ReadonlyArray<MemoryImage | undefined>>()

export class GuestMemory {
  readonly memory: WebAssembly.Memory
  /** What it begins with; undefined: with zeros. */
  readonly image: MemoryImage | undefined
  #snapshot: MemorySnapshot | undefined
  #putBack: PutBack | undefined
  #ownBytes = 0
  /** Of what it was when its size was asked for; empty when it has grown since. To ask V8 each time takes long. */
  #view = new Uint8Array(0)
  /** Asked again, it would look at every page again to say no. */
  #isLost = false

  constructor(size: MemorySize, image: MemoryImage | undefined) {
    this.memory = new WebAssembly.Memory(size)
    this.image = image
    if (image !== undefined && !this.restore(image, true)) image.write(this.memory)
  }

  /** In bytes. */
  get size(): number {
    if (this.#view.length === 0) this.#view = new Uint8Array(this.memory.buffer)
    return this.#view.length
  }

  /** Of those, what was its own, and not shared with others, when it was put back last. */
  get ownBytes(): number {
    return this.#ownBytes
  }

  /** Puts it back; `mayHaveNew`: see `PutBack`. False, and nothing promised: it must be thrown away. */
  restore(snapshot: MemorySnapshot, mayHaveNew: boolean): boolean {
    this.#isLost ||= !this.#restore(snapshot, mayHaveNew)
    return !this.#isLost
  }

  /** It has been put back, and is not used for a while: what is its own goes back to the system, where that is much. */
  giveBack(): void {
    if (this.#ownBytes >= LEAST_GIVEN_BACK_BYTES) this.#putBack?.(false, 'dropped')
  }

  #restore(snapshot: MemorySnapshot, mayHaveNew: boolean): boolean {
    if (this.#snapshot === snapshot && this.#putBack !== undefined) return this.#putBack(mayHaveNew)
    this.#snapshot = snapshot
    this.#putBack = snapshot.adopt(this.memory, (bytes) => {
      this.#ownBytes = bytes
    })
    return this.#putBack !== undefined
  }
}

/** New memories for one instance. */
export function makeMemories(module: GuestModule): readonly GuestMemory[] {
  const own = imagesOf(module)
  return module.memories.map((size, index) => new GuestMemory(size, own[index]))
}

/** Opens what memories of a module begin with; it is given back when nobody has the module any more. Idempotent. */
export function imagesOf({
  module,
  memories,
  images: places,
}: GuestModule): ReadonlyArray<MemoryImage | undefined> {
  let own = images.get(module)
  if (own === undefined) {
    own = memories.map((_, index) => {
      const place = places.find(({ memory }) => memory === index)
      return place === undefined ? undefined : openImage(place.offset, place.length)
    })
    images.set(module, own)
  }
  return own
}

/** What a module imports that has been made to import its memories (`wasm/import-memories.ts`). */
export function memoryImports(memories: readonly GuestMemory[]): WebAssembly.Imports {
  const imports: WebAssembly.ModuleImports = {}
  for (const [index, { memory }] of memories.entries()) imports[index] = memory
  return { [MEMORY_IMPORT_MODULE]: imports }
}

/** Bytes of all of them together. */
export function sizeOf(memories: readonly GuestMemory[]): number {
  let bytes = 0
  for (const { size } of memories) bytes += size
  return bytes
}
