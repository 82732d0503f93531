/** Counts what comes from each token or address: so many a minute, in a row or one by one (a token bucket for each). */
import type { Clock } from '../base/clock.ts'

export interface RateLimitOptions {
  readonly clock: Clock
  readonly perMinute: number
  /** Most keys that are counted at a time; beyond, those unused for longest start anew. */
  readonly maxKeys: number
}

interface Bucket {
  /** What may still come now. */
  left: number
  atMs: number
}

const MINUTE_MS = 60_000

export class RateLimit {
  readonly #clock: Clock
  readonly #maxKeys: number
  readonly #perMinute: number
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>()

  constructor({ clock, perMinute, maxKeys }: RateLimitOptions) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#maxKeys = maxKeys
  }

  /** Keys that are counted now. */
  get size(): number {
    return this.#buckets.size
  }

  /** Counts one more of `key`. Milliseconds until there is room again; 0: there is. */
  take(key: string): number {
    const nowMs = this.#clock.nowMs()
    const before = this.#buckets.get(key) ?? { left: this.#perMinute, atMs: nowMs }
    const gained = ((nowMs - before.atMs) * this.#perMinute) / MINUTE_MS
    const left = Math.min(this.#perMinute, before.left + gained)
    this.#buckets.delete(key)
    this.#forgetOldest()
    const isFree = left >= 1
    this.#buckets.set(key, { left: isFree ? left - 1 : left, atMs: nowMs })
    return isFree ? 0 : Math.ceil(((1 - left) * MINUTE_MS) / this.#perMinute)
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size < this.#maxKeys) return
      this.#buckets.delete(key)
    }
  }
}
