/** One coarse timer for all connections of a listener: a request costs no timer, an idle listener none either. */
import type { Clock, Timer } from '../../base/clock.ts'

/** Wants to be asked now and then whether it has waited for too long. */
export interface Swept {
  sweep(nowMs: number): void
}

export const SWEEP_INTERVAL_MS = 1000

/** Visits its members every `SWEEP_INTERVAL_MS`, as long as there are any. */
export class Sweep {
  readonly #clock: Clock
  readonly #members = new Set<Swept>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(member: Swept): void {
    this.#members.add(member)
    this.#timer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#tick)
  }

  delete(member: Swept): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #tick = (): void => {
    this.#timer = this.#clock.after(SWEEP_INTERVAL_MS, this.#tick)
    const nowMs = this.#clock.nowMs()
    for (const member of this.#members) member.sweep(nowMs)
  }
}
