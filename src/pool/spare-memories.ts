/**
 * Memories of instances that have been thrown away, for the next instances of the same handler. Whoever used them last goes
 * first when there are too many.
 */
import { type GuestMemory, sizeOf } from '../guest/guest-memory.ts'

export interface SpareLimits {
  /** Sets of memories, each of one instance. */
  readonly sets: number
  /** Linear memory of all of them together, in bytes. */
  readonly bytes: number
}

export const DEFAULT_SPARE_LIMITS: SpareLimits = { sets: 128, bytes: 64 * 1024 * 1024 }

interface Spare {
  readonly key: string
  readonly memories: readonly GuestMemory[]
  readonly bytes: number
  readonly expiresMs: number
}

export class SpareMemories {
  readonly #limits: SpareLimits
  readonly #byKey = new Map<string, Spare[]>()
  /** Oldest first. */
  readonly #order = new Set<Spare>()
  #bytes = 0

  constructor(limits: SpareLimits = DEFAULT_SPARE_LIMITS) {
    this.#limits = limits
  }

  get count(): number {
    return this.#order.size
  }

  /** `key`: the handler. Tenants never share a memory. */
  take(key: string): readonly GuestMemory[] | undefined {
    const spare = this.#byKey.get(key)?.at(-1)
    if (spare !== undefined) this.#forget(spare)
    return spare?.memories
  }

  /** `memories` have been put back to their first state. They are kept until `expiresMs` on the clock that `expire` is told. */
  put(key: string, memories: readonly GuestMemory[], expiresMs: number): void {
    const spare: Spare = { key, memories, bytes: sizeOf(memories), expiresMs }
    const sameHandler = this.#byKey.get(key)
    if (sameHandler === undefined) this.#byKey.set(key, [spare])
    else sameHandler.push(spare)
    this.#order.add(spare)
    this.#bytes += spare.bytes
    for (const oldest of this.#order) {
      if (this.#order.size <= this.#limits.sets && this.#bytes <= this.#limits.bytes) return
      this.#forget(oldest)
    }
  }

  /** Drops what may not be kept any longer. */
  expire(nowMs: number): void {
    for (const spare of this.#order) if (spare.expiresMs <= nowMs) this.#forget(spare)
  }

  #forget(spare: Spare): void {
    const sameHandler = this.#byKey.get(spare.key)
    sameHandler?.splice(sameHandler.indexOf(spare), 1)
    if (sameHandler?.length === 0) this.#byKey.delete(spare.key)
    this.#order.delete(spare)
    this.#bytes -= spare.bytes
  }
}
