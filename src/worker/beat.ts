/** Tells the master every second that the event loop goes round, and how this worker has been since the last time. */
import type { Clock, Timer } from '../base/clock.ts'
import type { WorkerMessage } from '../ipc/messages.ts'

const BEAT_MS = 1000

export interface BeatOptions {
  readonly clock: Clock
  /** Processor time spent on looking for requests, which is no work, in milliseconds. */
  readonly lookingMs: () => number
  readonly send: (message: WorkerMessage) => void
}

export class Beat {
  readonly #options: BeatOptions
  #timer: Timer | undefined
  #isActive = false
  #sinceMs = 0
  #sinceWorkMs = 0

  constructor(options: BeatOptions) {
    this.#options = options
  }

  requestBegins(): void {
    this.#isActive = true
  }

  /** And again, every second. */
  start(): void {
    const { clock, lookingMs, send } = this.#options
    const nowMs = clock.nowMs()
    const workMs = Number(clock.processCpuNs()) / 1e6 - lookingMs()
    const load = (workMs - this.#sinceWorkMs) / Math.max(1, nowMs - this.#sinceMs)
    send({ kind: 'beat', load: Math.max(0, load), isActive: this.#isActive })
    this.#sinceMs = nowMs
    this.#sinceWorkMs = workMs
    this.#isActive = false
    this.#timer = clock.after(BEAT_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
