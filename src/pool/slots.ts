/** How many requests of one tenant run at once, and who waits for one of them to end. */
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

/** Who waits for a slot; one of the two is called, once. */
export interface SlotWaiter {
  admitted(): void
  /** `POOL_QUEUE_TIMEOUT` or `POOL_STOPPING`. */
  refused(error: PoolError): void
}

export class Slots {
  readonly #tenant: string
  readonly #clock: Clock
  #limits: SlotLimits
  #active = 0
  /** First come, first served; a `Map` so that an abort in the middle costs nothing. */
  readonly #waiting = new Map<SlotWaiter, Timer>()

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

  /** Waits for a slot for at most `leftMs`. */
  acquire(waiter: SlotWaiter, leftMs: number): void {
    if (this.tryAcquire()) {
      waiter.admitted()
      return
    }
    const timer = this.#clock.after(leftMs, () => {
      this.#waiting.delete(waiter)
      waiter.refused(this.timeoutError())
    })
    this.#waiting.set(waiter, timer)
  }

  /** The request is given up. False: it did not wait. */
  giveUp(waiter: SlotWaiter): boolean {
    this.#waiting.get(waiter)?.cancel()
    return this.#waiting.delete(waiter)
  }

  /** Gives a slot back: the first in the queue gets it. */
  release(): void {
    this.#active -= 1
    if (this.#waiting.size > 0) this.#admitNext()
  }

  /** Refuses everybody who waits. */
  refuseAll(): void {
    for (const waiter of [...this.#waiting.keys()]) {
      this.giveUp(waiter)
      waiter.refused(this.stoppingError())
    }
  }

  fullError(waiting: number): PoolError {
    const { queueMax } = this.#limits
    return this.#refusal(
      'POOL_QUEUE_FULL',
      `${waiting} requests wait already, at most ${queueMax} may`,
    )
  }

  timeoutError(): PoolError {
    const { queueTimeoutMs } = this.#limits
    return this.#refusal(
      'POOL_QUEUE_TIMEOUT',
      `it waited ${queueTimeoutMs} ms for a turn, all it may`,
    )
  }

  stoppingError(): PoolError {
    return this.#refusal('POOL_STOPPING', 'the worker is shutting down')
  }

  abortedError(): PoolError {
    return this.#refusal('POOL_ABORTED', 'the web server gave it up while it waited')
  }

  #admitNext(): void {
    for (const [waiter, timer] of this.#waiting) {
      if (this.#active >= this.#limits.maxChildren) return
      timer.cancel()
      this.#waiting.delete(waiter)
      this.#active += 1
      waiter.admitted()
    }
  }

  #refusal(code: PoolError['code'], why: string): PoolError {
    return new PoolError(code, `Cannot run a request of tenant ${this.#tenant}: ${why}`)
  }
}
