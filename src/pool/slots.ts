/** How many requests of one tenant run at once, and who waits for a turn. */
import type { Clock, Timer } from '../base/clock.ts'
import { PoolError } from './errors.ts'

export interface SlotLimits {
  /** Requests that run at once (`max_children`). */
  readonly maxChildren: number
  /** Requests that may wait for a turn. */
  readonly queueMax: number
  /** How long one of them may wait, in milliseconds. */
  readonly queueTimeoutMs: number
}

interface Waiter {
  readonly admit: () => void
  readonly refuse: (error: PoolError) => void
  readonly timer: Timer
}

export class Slots {
  readonly #tenant: string
  readonly #clock: Clock
  #limits: SlotLimits
  #active = 0
  /** First come, first served; a `Set` so that an abort in the middle costs nothing. */
  readonly #waiting = new Set<Waiter>()

  constructor(tenant: string, limits: SlotLimits, clock: Clock) {
    this.#tenant = tenant
    this.#limits = limits
    this.#clock = clock
  }

  get active(): number {
    return this.#active
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes effect for the next request; whoever runs or waits stays. */
  set limits(limits: SlotLimits) {
    this.#limits = limits
    this.#admitNext()
  }

  /** Takes a slot if one is free and nobody waits for it. */
  tryAcquire(): boolean {
    if (this.#active >= this.#limits.maxChildren || this.#waiting.size > 0) return false
    this.#active += 1
    return true
  }

  /**
   * Waits for a slot. `onAbort` registers what to do when the request is given up. Rejects with `POOL_QUEUE_FULL`,
   * `POOL_QUEUE_TIMEOUT` or `POOL_ABORTED`.
   */
  acquire(onAbort: (giveUp: () => void) => void): Promise<void> {
    if (this.tryAcquire()) return Promise.resolve()
    const { queueMax, queueTimeoutMs } = this.#limits
    if (this.#waiting.size >= queueMax) {
      return Promise.reject(
        this.#refusal(
          'POOL_QUEUE_FULL',
          `${this.#waiting.size} requests wait already, at most ${queueMax} may`,
        ),
      )
    }
    return new Promise((admit, reject) => {
      const refuse = (error: PoolError) => {
        waiter.timer.cancel()
        if (this.#waiting.delete(waiter)) reject(error)
      }
      const waiter: Waiter = {
        admit,
        refuse,
        timer: this.#clock.after(queueTimeoutMs, () =>
          refuse(
            this.#refusal(
              'POOL_QUEUE_TIMEOUT',
              `it waited ${queueTimeoutMs} ms for a turn, all it may`,
            ),
          ),
        ),
      }
      this.#waiting.add(waiter)
      onAbort(() =>
        refuse(this.#refusal('POOL_ABORTED', 'the web server gave it up while it waited')),
      )
    })
  }

  /** Gives a slot back: the first in the queue gets it. */
  release(): void {
    this.#active -= 1
    this.#admitNext()
  }

  /** Refuses everybody who waits. */
  refuseAll(): void {
    for (const waiter of this.#waiting) {
      waiter.refuse(this.#refusal('POOL_STOPPING', 'the worker is shutting down'))
    }
  }

  #admitNext(): void {
    for (const waiter of this.#waiting) {
      if (this.#active >= this.#limits.maxChildren) return
      waiter.timer.cancel()
      this.#waiting.delete(waiter)
      this.#active += 1
      waiter.admit()
    }
  }

  #refusal(code: PoolError['code'], why: string): PoolError {
    return new PoolError(code, `Cannot run a request of tenant ${this.#tenant}: ${why}`)
  }
}
