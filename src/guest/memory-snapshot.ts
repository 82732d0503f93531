/** The first state of one memory of a module, shared by all instances. */
export interface MemorySnapshot {
  /**
   * Puts the memory of an instance back for the first time. False: it has grown, or the system refuses; the instance must
   * be thrown away.
   */
  adopt(memory: WebAssembly.Memory): boolean
  /** Puts a memory back that has been adopted. False: as for `adopt`. */
  restore(memory: WebAssembly.Memory): boolean
}
