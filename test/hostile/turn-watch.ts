/**
 * The longest turn of this thread's event loop, in processor time: what other programs on the machine take does not count. The
 * loop does not sleep meanwhile, so that each turn is seen.
 */
import { systemClock } from '../../src/base/clock.ts'

export class TurnWatch {
  #longestMs = 0
  #fromMs = threadMs()
  #isStopped = false

  constructor() {
    setImmediate(this.#look)
  }

  /** Milliseconds. Ends the watch. */
  stop(): number {
    this.#isStopped = true
    return Math.max(this.#longestMs, threadMs() - this.#fromMs)
  }

  readonly #look = (): void => {
    const nowMs = threadMs()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#fromMs)
    if (this.#isStopped) return
    setImmediate(this.#look)
    this.#fromMs = threadMs()
  }
}

/** Processor time of this thread, in milliseconds. */
export function threadMs(): number {
  return systemClock.threadCpuMs()
}
