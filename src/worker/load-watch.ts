/**
 * Whether this worker is busy: whether a request that comes now has to wait for the thread. Measured as the processor
 * time of the process, while there are requests; an idle worker sets no timer.
 */
import type { Clock, Timer } from '../base/clock.ts'

/** How long is measured at a time. */
export const MEASURE_MS = 50

/** Share of the time from which on a worker is busy, and below which it is idle again. */
export const BUSY_SHARE = 0.8
export const IDLE_SHARE = 0.5

export interface LoadWatchOptions {
  readonly clock: Clock
  readonly activeRequests: () => number
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

  constructor(options: LoadWatchOptions) {
    this.#options = options
  }

  /** To be called when a request begins. */
  requestBegins(): void {
    if (this.#timer === undefined) this.#measureFromHere()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #measureFromHere(): void {
    const { clock } = this.#options
    this.#sinceMs = clock.nowMs()
    this.#sinceCpuNs = clock.processCpuNs()
    this.#timer = clock.after(MEASURE_MS, this.#measure)
  }

  readonly #measure = (): void => {
    const { clock, activeRequests, onLoad, onMeasured } = this.#options
    this.#timer = undefined
    const elapsedMs = clock.nowMs() - this.#sinceMs
    const share = Number(clock.processCpuNs() - this.#sinceCpuNs) / 1e6 / elapsedMs
    const active = activeRequests()
    const isBusy = active > 0 && share >= (this.#isBusy ? IDLE_SHARE : BUSY_SHARE)
    if (isBusy || this.#isBusy) onLoad(isBusy)
    this.#isBusy = isBusy
    onMeasured()
    if (active > 0) this.#measureFromHere()
  }
}
