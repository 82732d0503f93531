/** Whether this machine is to get requests, and who is told so: its workers, load balancers, operators. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Readiness } from '../base/readiness.ts'
import type { DoorAnswer } from './door.ts'
import { DrainOrder } from './drain-order.ts'
import type { Heirloom } from './heirloom.ts'
import { weightOf } from './weight.ts'

/** A pool, as far as this is concerned. */
export interface PresentPool {
  /** Whether somebody serves. */
  readonly isServing: boolean
  /** Of each worker that serves: the share of its time in which it had work. */
  readonly loads: readonly number[]
  tellReadiness(readiness: Readiness): void
}

export interface PresenceOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly pools: () => readonly PresentPool[]
  /** Whether the store has what it is to have. */
  readonly isInStep: () => boolean
  readonly slowStartMs: () => number
  /** What the master before has said, until this one has started; undefined: there was none. */
  readonly before: Pick<Heirloom, 'readiness' | 'drainMs'> | undefined
}

export class Presence {
  readonly #options: PresenceOptions
  readonly #drain: DrainOrder
  #isStarted = false
  #isStopping = false
  #last: Readiness
  #readySinceMs = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#last = options.before?.readiness ?? 'starting'
    this.#drain = new DrainOrder(options.clock, () => this.look())
    const left = options.before?.drainMs
    if (left !== undefined) this.#drain.begin(left ?? undefined)
  }

  get readiness(): Readiness {
    if (this.#isStopping || this.#drain.isOn) return 'draining'
    const { before, pools, isInStep } = this.#options
    if (!this.#isStarted) return before?.readiness ?? 'starting'
    return isInStep() && pools().every((pool) => pool.isServing) ? 'ready' : 'starting'
  }

  /** How long it has said that it is draining. */
  get drainedMs(): number {
    return this.#drain.forMs
  }

  /** What is left of an operator's order to drain, in milliseconds; null: it has no end; undefined: there is none. */
  get drainLeftMs(): number | null | undefined {
    return this.#drain.leftMs
  }

  /** Its part of the requests, in per cent. */
  get weight(): number {
    const { clock, slowStartMs } = this.#options
    const readyMs = clock.nowMs() - this.#readySinceMs
    return weightOf({ readyMs, slowStartMs: slowStartMs(), load: this.#load })
  }

  /** For HAProxy's agent check. */
  readonly line = (): string => (this.readiness === 'ready' ? `up ready ${this.weight}%` : 'drain')

  /** The same over HTTP: 200 while it is to get requests. */
  readonly page = (): DoorAnswer => {
    const state = this.readiness
    const isReady = state === 'ready'
    const load = Math.round(this.#load * 1000) / 1000
    const found = { state, weight: isReady ? this.weight : 0, load }
    return {
      status: isReady ? 200 : 503,
      contentType: 'application/json',
      body: `${JSON.stringify(found)}\n`,
    }
  }

  /** `limitMs`: until it is to get requests again by itself; undefined: until `undrain`. */
  drain(limitMs: number | undefined): void {
    this.#drain.begin(limitMs)
  }

  undrain(): void {
    this.#drain.end()
  }

  /** The start is over. */
  started(): void {
    this.#isStarted = true
    this.look()
  }

  /** For good. */
  stopping(): void {
    this.#isStopping = true
    this.look()
  }

  /** Workers have come, or gone, or the store is in step: all are told what holds. */
  look(): void {
    const { clock, logger, pools } = this.#options
    const now = this.readiness
    if (now !== this.#last) {
      this.#last = now
      if (now === 'ready') this.#readySinceMs = clock.nowMs()
      logger.info({ readiness: now }, 'what load balancers are told has changed')
    }
    for (const pool of pools()) pool.tellReadiness(now)
  }

  get #load(): number {
    const loads = this.#options.pools().flatMap((pool) => pool.loads)
    return loads.reduce((sum, load) => sum + load, 0) / Math.max(1, loads.length)
  }
}
