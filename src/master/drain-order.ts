/** Whether somebody has said that this machine is to get no more requests: an operator, for a time or for good, or its own end. */
import type { Clock, Timer } from '../base/clock.ts'

export class DrainOrder {
  readonly #clock: Clock
  readonly #onChange: () => void
  #sinceMs: number | undefined
  #timer: Timer | undefined
  #endsMs: number | undefined

  /** `onChange`: it has begun, or is over. */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  get isOn(): boolean {
    return this.#sinceMs !== undefined
  }

  /** How long it has been on; 0: it is not. */
  get forMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.nowMs() - this.#sinceMs
  }

  /** What is left of it; null: it has no end; undefined: it is not on. */
  get leftMs(): number | null | undefined {
    if (this.#sinceMs === undefined) return undefined
    return this.#endsMs === undefined ? null : Math.max(1, this.#endsMs - this.#clock.nowMs())
  }

  /** `limitMs`: it is over by itself after that time; undefined: it is not. The last call counts. */
  begin(limitMs: number | undefined): void {
    this.#timer?.cancel()
    this.#timer = limitMs === undefined ? undefined : this.#clock.after(limitMs, () => this.end())
    this.#endsMs = limitMs === undefined ? undefined : this.#clock.nowMs() + limitMs
    if (this.#sinceMs !== undefined) return
    this.#sinceMs = this.#clock.nowMs()
    this.#onChange()
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#sinceMs === undefined) return
    this.#sinceMs = undefined
    this.#onChange()
  }
}
