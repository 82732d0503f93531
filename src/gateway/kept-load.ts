/**
 * What is loaded when it is first asked for, and kept. What fails is left alone for a while, for loading takes longer than answering
 * and is not paid for by whoever asks: all that ask meanwhile are told the same, and each failure in a row makes the pause longer.
 */
import type { Clock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'

/** What fails may take up to this share of the time. */
const FAILING_SHARE = 0.2
const LEAST_PAUSE_MS = 1000
const MOST_PAUSE_MS = 60_000

/** Milliseconds after which it is tried again; `failures`: in a row, the one included that took `tookMs`. */
export function pauseAfter(failures: number, tookMs: number): number {
  const longer = Math.min(LEAST_PAUSE_MS * 2 ** (failures - 1), MOST_PAUSE_MS)
  return Math.max(longer, tookMs / FAILING_SHARE)
}

export interface KeptLoadOptions<Value> {
  readonly clock: Clock
  readonly load: () => Promise<Value>
  /** Default: all failures are worth another try after a pause. */
  readonly retry?: (error: unknown) => Retry
}

/** `at-once`: nothing was done yet that would have taken time. */
export type Retry = 'never' | 'after-pause' | 'at-once'

export class KeptLoad<Value extends object> {
  readonly #options: KeptLoadOptions<Value>
  #kept: Value | Promise<Value> | undefined
  /** When that is tried again, on the clock; undefined: it has not failed. */
  #retryMs: number | undefined
  #failures = 0

  constructor(options: KeptLoadOptions<Value>) {
    this.#options = options
  }

  /** What there is of it; undefined: nobody has asked. */
  get kept(): Value | Promise<Value> | undefined {
    return this.#kept
  }

  /** Rejects as `load` does. */
  get(): Value | Promise<Value> {
    const isOver = this.#retryMs !== undefined && this.#options.clock.nowMs() >= this.#retryMs
    return this.#kept === undefined || isOver ? this.#load() : this.#kept
  }

  /** The next one that asks has it loaded. */
  forget(): void {
    this.#kept = undefined
    this.#retryMs = undefined
  }

  #load(): Promise<Value> {
    const { clock, load, retry = () => 'after-pause' } = this.#options
    const startMs = clock.nowMs()
    const loading = load()
    this.#kept = loading
    this.#retryMs = undefined
    loading.then(
      (value) => {
        this.#failures = 0
        if (this.#kept === loading) this.#kept = value
      },
      (error: unknown) => {
        if (this.#kept !== loading) return
        const nowMs = clock.nowMs()
        const when = retry(error)
        if (when === 'at-once') this.forget()
        if (when !== 'after-pause') return
        this.#failures += 1
        this.#retryMs = nowMs + pauseAfter(this.#failures, nowMs - startMs)
      },
    )
    return loading
  }
}

/** A load that waits for others to be over may be tried again at once. */
export function whenToRetry(error: unknown): Retry {
  return toWire(error).code === 'GUEST_LOADS_WAITING' ? 'at-once' : 'after-pause'
}
