/**
 * Looks for the next request for a moment before the thread goes to sleep, as `net.core.busy_poll` does for a socket and
 * `halt_poll_ns` for a virtual machine: to put a thread to sleep and wake it up takes longer than a small request does.
 *
 * It looks only where that has just paid: after a wait that was shorter than the limit, as long as one request follows another.
 * So the time lost is bounded by the limit for each such wait, and slow or crowded traffic is left alone. Between two looks
 * it gives way to whoever else wants the processor; where that takes long, there is no processor to spare, and it is left for
 * a while: a thread that wakes up gets its turn sooner than one that gives it away.
 */

/** Longer than the web server needs to pass one answer on, in milliseconds. */
const LONG_MS = 0.1
/** For how long there is taken to be no processor to spare, in milliseconds. */
const PAUSE_MS = 100

export interface BusyPollOptions {
  readonly nowMs: () => number
  /** Lets other processes run that wait for this processor. undefined: it cannot, and so does not look. */
  readonly giveWay: (() => void) | undefined
  /** Calls back after the event loop has looked at sockets and timers: `setImmediate`. */
  readonly schedule: (callback: () => void) => void
}

export class BusyPoll {
  readonly #options: BusyPollOptions
  #limitMs = 0
  #isLooking = false
  /** Whether the latest wait was short enough for the next one to be worth looking. */
  #isWorthIt = false
  /** When the latest request ended. */
  #restMs = Number.NEGATIVE_INFINITY
  /** Until when it is not worth it anyway. */
  #pausedUntilMs = Number.NEGATIVE_INFINITY
  /** When it was looked last. */
  #lookedMs = 0
  /** Requests that have begun since. */
  #begun = 0
  #spentMs = 0

  constructor(options: BusyPollOptions) {
    this.#options = options
  }

  /** Processor time spent on looking, in milliseconds: of other use to nobody. */
  get spentMs(): number {
    return this.#spentMs
  }

  /** How long to look from the next wait on, in milliseconds; 0, as at first: not at all. */
  set limitMs(limitMs: number) {
    this.#limitMs = this.#options.giveWay === undefined ? 0 : limitMs
  }

  requestBegins(): void {
    this.#begun += 1
    if (this.#isLooking || this.#limitMs === 0) return
    const nowMs = this.#options.nowMs()
    this.#isWorthIt = nowMs - this.#restMs < this.#limitMs && nowMs >= this.#pausedUntilMs
  }

  requestEnded(): void {
    if (this.#limitMs === 0) return
    this.#restMs = this.#options.nowMs()
    if (this.#isLooking || !this.#isWorthIt) return
    this.#isLooking = true
    this.#begun = 0
    this.#lookedMs = this.#restMs
    this.#options.schedule(this.#look)
  }

  readonly #look = (): void => {
    const { giveWay, nowMs, schedule } = this.#options
    const fromMs = nowMs()
    // Work, not looking, if there was a request in between.
    if (this.#begun === 0) this.#spentMs += fromMs - this.#lookedMs
    // Several in one turn: they come faster than they are answered, and the thread will not be idle.
    const isCrowded = this.#begun > 1
    this.#begun = 0
    giveWay?.()
    this.#lookedMs = nowMs()
    const isContended = this.#lookedMs - fromMs > LONG_MS
    if (isContended) this.#pausedUntilMs = this.#lookedMs + PAUSE_MS
    if (!isCrowded && !isContended && this.#lookedMs - this.#restMs < this.#limitMs) {
      schedule(this.#look)
    } else {
      this.#isLooking = false
      this.#isWorthIt = false
    }
  }
}
