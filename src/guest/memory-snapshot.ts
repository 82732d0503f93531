/** The first state of one memory of a module, shared by all instances. */
export interface MemorySnapshot {
  /** Prepares the memory of a new instance, which holds that state already. */
  adopt(memory: WebAssembly.Memory): void
  /** Puts a memory back. False: it has grown, or the system refuses; the instance must be thrown away. */
  restore(memory: WebAssembly.Memory): boolean
}
