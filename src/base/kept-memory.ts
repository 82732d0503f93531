/**
 * Buffers that are made and given up all the time, kept for the next who wants one of the same size. They are garbage as before:
 * when V8 collects everything, they are gone. Until then nobody has to wait for the system to make such memory, or to take it back.
 */

interface Store {
  /** By size. */
  readonly free: Map<number, Uint8Array[]>
  bytes: number
}

export class KeptMemory {
  readonly #maxBytes: number
  #store: WeakRef<Store> | undefined

  /** Keeps `maxBytes` at most. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** One of `size` bytes that holds what its last owner has left in it; undefined: there is none. */
  take(size: number): Uint8Array | undefined {
    const store = this.#store?.deref()
    const found = store?.free.get(size)?.pop()
    if (store !== undefined && found !== undefined) store.bytes -= size
    return found
  }

  /** Nobody has `buffer` any more. Once for each time it was made or taken. */
  give(buffer: Uint8Array): void {
    const { length } = buffer
    if (length > this.#maxBytes) return
    let store = this.#store?.deref() ?? this.#newStore()
    if (store.bytes + length > this.#maxBytes) {
      const sameBytes = (store.free.get(length)?.length ?? 0) * length
      if (sameBytes === store.bytes) return
      store = this.#newStore() // other sizes are wanted now
    }
    const same = store.free.get(length)
    if (same === undefined) store.free.set(length, [buffer])
    else same.push(buffer)
    store.bytes += length
  }

  #newStore(): Store {
    const store: Store = { free: new Map(), bytes: 0 }
    this.#store = new WeakRef(store)
    return store
  }
}
