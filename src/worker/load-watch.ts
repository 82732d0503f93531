/**
 * Whether this worker is busy: whether a request that comes now has to wait for the thread. Measured as the processor time of
 * the process, while there are requests; an idle worker sets no timer. Where guests wait for their turn, the time in which the event
 * loop has something to do counts as well: the machine may give the process less of a processor than it wants. Looking for the
 * next request (`busy-poll.ts`) does not count.
 */
import type { Clock, Timer } from '../base/clock.ts'

/** How long is measured at a time. */
export const MEASURE_MS = 50

/** Share of the time from which on a worker is busy, and below which it is idle again. */
const BUSY_SHARE = 0.8
const IDLE_SHARE = 0.5

export interface LoadWatchOptions {
  readonly clock: Clock
  readonly activeRequests: () => number
  /** How long the event loop has had something to do, in milliseconds since some fixed point. */
  readonly loopActiveMs: () => number
  /** How much of both was spent on looking for the next request, in milliseconds since some fixed point. */
  readonly lookingMs: () => number
  /** Whether guests wait for their turn. */
  readonly doGuestsWait: () => boolean
  /** Called with true at every measurement that finds it busy, with false once when that is over. */
  readonly onLoad: (isBusy: boolean) => void
  /** Called at every measurement. */
  readonly onMeasured: () => void
}

export class LoadWatch {
  readonly #options: LoadWatchOptions
  #timer: Timer | undefined
  #isBusy = false
  #sinceMs = 0
  #sinceCpuNs = 0n
  #sinceActiveMs = 0
  #sinceLookingMs = 0

  constructor(options: LoadWatchOptions) {
    this.#options = options
  }

  /** As the last measurement has found it. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** To be called when a request begins. */
  requestBegins(): void {
    if (this.#timer === undefined) this.#measureFromHere()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #measureFromHere(): void {
    const { clock, loopActiveMs, lookingMs } = this.#options
    this.#sinceMs = clock.nowMs()
    this.#sinceCpuNs = clock.processCpuNs()
    this.#sinceActiveMs = loopActiveMs()
    this.#sinceLookingMs = lookingMs()
    this.#timer = clock.after(MEASURE_MS, this.#measure)
  }

  readonly #measure = (): void => {
    const { activeRequests, onLoad, onMeasured } = this.#options
    this.#timer = undefined
    const share = this.#busyShare()
    const active = activeRequests()
    const isBusy = active > 0 && share >= (this.#isBusy ? IDLE_SHARE : BUSY_SHARE)
    const wasBusy = this.#isBusy
    this.#isBusy = isBusy
    if (isBusy || wasBusy) onLoad(isBusy)
    onMeasured()
    if (active > 0) this.#measureFromHere()
  }

  #busyShare(): number {
    const { clock, loopActiveMs, lookingMs, doGuestsWait } = this.#options
    const elapsedMs = clock.nowMs() - this.#sinceMs
    const cpuMs = Number(clock.processCpuNs() - this.#sinceCpuNs) / 1e6
    const busyMs = doGuestsWait() ? Math.max(cpuMs, loopActiveMs() - this.#sinceActiveMs) : cpuMs
    return (busyMs - (lookingMs() - this.#sinceLookingMs)) / elapsedMs
  }
}
