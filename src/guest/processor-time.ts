/**
 * How much processor time a guest has used: not how long it had the thread, which on a busy machine is another thing.
 *
 * To ask the system takes as long as a small request is given here and there a hundredth of; so what took less than
 * `TRUSTED_MS` counts as it is, since a thread that lost its processor is without it for longer than that.
 */
import type { Clock } from '../base/clock.ts'

/** Milliseconds. */
const TRUSTED_MS = 1

const threads = new WeakMap<Clock, ThreadTime>()

/** The one for all guests whose thread `clock` measures. */
export function threadTimeOf(clock: Clock): ThreadTime {
  const known = threads.get(clock)
  if (known !== undefined) return known
  const made = new ThreadTime(clock)
  threads.set(clock, made)
  return made
}

/** Processor time of the thread. */
export class ThreadTime {
  readonly #clock: Clock
  #cpuMs = 0
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ask(nowMs: number): number {
    this.#askedMs = nowMs
    this.#cpuMs = this.#clock.threadCpuMs()
    return this.#cpuMs
  }

  /** What it was at most `TRUSTED_MS` ago. */
  lately(nowMs: number): number {
    return nowMs - this.#askedMs < TRUSTED_MS ? this.#cpuMs : this.ask(nowMs)
  }
}

/** That of one run of a guest, which has the thread from the start. */
export class ProcessorTime {
  readonly #thread: ThreadTime
  /** Up to the last time it gave the thread up. */
  #usedMs = 0
  /** When it got the thread, and what the thread had used by then, or a little less. */
  #enteredMs: number
  #threadMs: number

  constructor(thread: ThreadTime, nowMs: number) {
    this.#thread = thread
    this.#enteredMs = nowMs
    this.#threadMs = thread.lately(nowMs)
  }

  /** For a guest that does not have the thread. */
  get usedMs(): number {
    return this.#usedMs
  }

  /** It gets the thread back. */
  enter(nowMs: number): void {
    this.#enteredMs = nowMs
    this.#threadMs = this.#thread.lately(nowMs)
  }

  /** It gives the thread up. */
  leave(nowMs: number): void {
    const heldMs = nowMs - this.#enteredMs
    this.#usedMs += heldMs < TRUSTED_MS ? heldMs : this.#measured(heldMs, nowMs)
  }

  /** Whether a guest that has the thread has used more than `limitMs`. */
  isOver(limitMs: number, nowMs: number): boolean {
    const heldMs = nowMs - this.#enteredMs
    return this.#usedMs + heldMs > limitMs && this.#usedMs + this.#measured(heldMs, nowMs) > limitMs
  }

  #measured(heldMs: number, nowMs: number): number {
    return Math.min(heldMs, this.#thread.ask(nowMs) - this.#threadMs)
  }
}
