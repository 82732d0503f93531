/**
 * The longest this thread has kept the event loop waiting, in processor time: what other programs on the machine take does
 * not count.
 */

import { threadMs } from './turn-watch.ts'

export class LoopWatch {
  #longestMs = 0
  #lastMs = threadMs()
  #timer: NodeJS.Timeout
  #isStopped = false

  constructor() {
    this.#timer = setTimeout(this.#look, 1)
  }

  /** Milliseconds. Ends the watch. */
  stop(): number {
    this.#isStopped = true
    clearTimeout(this.#timer)
    return Math.max(this.#longestMs, threadMs() - this.#lastMs)
  }

  readonly #look = (): void => {
    const now = threadMs()
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastMs)
    this.#lastMs = now
    if (!this.#isStopped) this.#timer = setTimeout(this.#look, 1)
  }
}
