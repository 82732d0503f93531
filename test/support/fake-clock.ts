/** A clock that a test moves. */
import type { Clock, Timer } from '../../src/base/clock.ts'

const EPOCH_NS = 1_700_000_000_000_000_000n

export class FakeClock implements Clock {
  /** Since some fixed point. A test may set it; timers are not looked at then. */
  ns = 1_000_000_000_000n
  /** For how much of it this thread had no processor. */
  stolenMs = 0
  readonly #timers = new Set<{ readonly atNs: bigint; readonly callback: () => void }>()

  nowMs(): number {
    return Number(this.ns) / 1e6
  }

  monotonicNs(): bigint {
    return this.ns
  }

  realtimeNs(): bigint {
    return this.ns + EPOCH_NS
  }

  epochMs(): number {
    return Number(this.realtimeNs() / 1_000_000n)
  }

  processCpuNs(): bigint {
    return 42n
  }

  threadCpuMs(): number {
    return this.nowMs() - this.stolenMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { atNs: this.ns + BigInt(Math.ceil(delayMs * 1e6)), callback }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets time pass; timers fire in order. */
  advance(byMs: number): void {
    const endNs = this.ns + BigInt(Math.round(byMs * 1e6))
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.atNs <= endNs)
      const next = due.sort((a, b) => Number(a.atNs - b.atNs))[0]
      if (next === undefined) break
      this.#timers.delete(next)
      if (next.atNs > this.ns) this.ns = next.atNs
      next.callback()
    }
    this.ns = endNs
  }
}
