/** Notices that the event loop of another process stands still: a living one beats once a second. */
import type { Clock, Timer } from '../base/clock.ts'

/** How often beats are looked for. */
const LOOK_MS = 1000

export interface StallWatchOptions {
  readonly clock: Clock
  /** How long the other event loop may stand still. */
  readonly stallMs: number
  /** Called once. */
  readonly onStall: () => void
}

/**
 * Counts its own looks instead of reading the clock: when the whole machine, or the master, was asleep, the others are not
 * to blame.
 */
export class StallWatch {
  readonly #options: StallWatchOptions
  #looksWithoutBeat = 0
  #timer: Timer | undefined

  constructor(options: StallWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#look()
  }

  /** The other process has said that it lives. */
  beat(): void {
    this.#looksWithoutBeat = 0
  }

  /** For good. Idempotent. */
  stop(): void {
    this.#timer?.cancel()
  }

  readonly #look = (): void => {
    const { clock, stallMs, onStall } = this.#options
    if (this.#looksWithoutBeat * LOOK_MS > stallMs) {
      onStall()
      return
    }
    this.#looksWithoutBeat += 1
    this.#timer = clock.after(LOOK_MS, this.#look)
  }
}
