/** The first state of one memory of a module, shared by all instances. */
export interface MemorySnapshot {
  /** Of the memory, in bytes. One that has grown is put back, too: what has come to it is zeros then. */
  readonly length: number
  /** How many mappings of the process a memory takes that has been put back, beside its own. */
  readonly mappings: number
  /**
   * Puts a memory back for the first time, and answers what puts it back from then on. undefined: it has grown by much, or
   * the system refuses; it must be thrown away. `note` is told how many bytes of it are its own, and not shared, whenever that is found out.
   */
  adopt(memory: WebAssembly.Memory, note?: (ownBytes: number) => void): PutBack | undefined
}

/** One that a new memory begins with, instead of being taken from it. */
export interface MemoryImage extends MemorySnapshot {
  /** Copies it into a new memory: for where `adopt` cannot. */
  write(memory: WebAssembly.Memory): void
}

/**
 * Puts a memory back. False: as undefined above. `mayHaveNew`: whether pages may have been written that had not been written
 * when it was put back last. `how`: what was written is copied, and stays the memory's own, for a run that comes soon; or it is dropped,
 * goes back to the system, and costs a page fault when it is written again.
 */
export type PutBack = (mayHaveNew: boolean, how?: 'copied' | 'dropped') => boolean
