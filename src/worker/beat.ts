/** Tells the master every second that the event loop goes round, and how this worker has been since the last time. */
import type { Clock, Timer } from '../base/clock.ts'
import { isWornOut as wornOut } from '../guest/compile-threads.ts'
import type { WorkerMessage } from '../ipc/messages.ts'

const BEAT_MS = 1000
/** Who is worn out says so again after this time, should nobody have taken its place. */
const WORN_AGAIN_MS = 60_000

export interface BeatOptions {
  readonly clock: Clock
  /** Processor time spent on looking for requests, which is no work, in milliseconds. */
  readonly lookingMs: () => number
  readonly send: (message: WorkerMessage) => void
  /** Default: what its modules have come to (`guest/compile-threads.ts`). */
  readonly isWornOut?: () => boolean
}

export class Beat {
  readonly #options: BeatOptions
  #timer: Timer | undefined
  #isActive = false
  #sinceMs = 0
  #sinceWorkMs = 0
  #wornMs = Number.NEGATIVE_INFINITY

  constructor(options: BeatOptions) {
    this.#options = options
  }

  requestBegins(): void {
    this.#isActive = true
  }

  /** And again, every second. */
  start(): void {
    const { clock, isWornOut = wornOut, lookingMs, send } = this.#options
    const nowMs = clock.nowMs()
    const workMs = Number(clock.processCpuNs()) / 1e6 - lookingMs()
    const load = (workMs - this.#sinceWorkMs) / Math.max(1, nowMs - this.#sinceMs)
    const isWorn = isWornOut() && nowMs - this.#wornMs >= WORN_AGAIN_MS
    if (isWorn) this.#wornMs = nowMs
    send({ kind: 'beat', load: Math.max(0, load), isActive: this.#isActive, isWorn })
    this.#sinceMs = nowMs
    this.#sinceWorkMs = workMs
    this.#isActive = false
    this.#timer = clock.after(BEAT_MS, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }
}
