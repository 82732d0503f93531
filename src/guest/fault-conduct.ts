/**
 * Whether a tenant's guests have lately spent a slice on page faults. The first write to a page costs microseconds and few units
 * of the meter, so a guest that has earned a long stretch with cheap work can hold the thread for as long as it takes to
 * write to all its memory. Once it has done that, its tenant's guests with much memory are checked often for a while. To
 * check all of them often, always, would cost every interpreter a third of its speed.
 */
import type { Clock } from '../base/clock.ts'

/** Page faults in one slice from which on the tenant is to be watched: they took 2 to 3 ms. */
export const MANY_FAULTS = 1_024
/** Those that prolong it. A watched slice cannot have as many as one that is not. */
export const SOME_FAULTS = 128
/** How long it is watched, in milliseconds. */
export const WATCHED_MS = 10_000

export class FaultConduct {
  readonly #clock: Clock
  #watchedUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether its guests are to be checked often. */
  get isWatched(): boolean {
    return (
      this.#watchedUntilMs !== Number.NEGATIVE_INFINITY &&
      this.#clock.nowMs() < this.#watchedUntilMs
    )
  }

  /** A guest has had so many page faults since it got the thread; NaN: nobody knows. */
  note(faults: number): void {
    const most = this.isWatched ? SOME_FAULTS : MANY_FAULTS
    if (faults >= most) this.#watchedUntilMs = this.#clock.nowMs() + WATCHED_MS
  }
}
