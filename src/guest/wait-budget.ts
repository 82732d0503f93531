/** How long a run may wait for something else than its turn, all its waits together. While it is others' turn, its time stands still. */
import type { Clock, Timer } from '../base/clock.ts'

export class WaitBudget {
  readonly #clock: Clock
  readonly #over: () => void
  #leftMs: number
  #sinceMs = 0
  #timer: Timer | undefined

  /** `limitMs`: may be infinite. `over`: called when it is used up, by whom the run has to be ended. */
  constructor(clock: Clock, limitMs: number, over: () => void) {
    this.#clock = clock
    this.#leftMs = limitMs
    this.#over = over
  }

  /** It begins to wait, or waits for more. */
  begin(): void {
    if (this.#timer !== undefined || this.#leftMs === Number.POSITIVE_INFINITY) return
    this.#sinceMs = this.#clock.nowMs()
    this.#timer = this.#clock.after(Math.max(0, this.#leftMs), this.#over)
  }

  /** What it waited for has come, or nobody waits any more. */
  end(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#leftMs -= this.#clock.nowMs() - this.#sinceMs
  }
}
