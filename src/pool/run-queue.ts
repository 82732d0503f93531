/**
 * Whose turn it is to have the thread. A turn of the event loop belongs to no one tenant for longer than a slice: guests
 * whose slice is over, and new requests of tenants that have had theirs, wait here. Round-robin by tenant first, then
 * first come, first served: a tenant with a hundred running guests gets no more than a tenant with one.
 */

interface Waiting {
  readonly wake: () => void
  readonly costMs: number
}

/** Nothing is free. */
const MIN_COST_MS = 0.02

export class RunQueue {
  readonly #schedule: (callback: () => void) => void
  readonly #sliceMs: number
  /** Tenants that wait, in order of their next turn. */
  readonly #tenants = new Map<string, Waiting[]>()
  /** CPU time of this turn of the event loop (and of turns before it that were short), by tenant, in milliseconds. */
  readonly #usedMs = new Map<string, number>()
  #isScheduled = false
  #waiting = 0

  /** `schedule` calls back after the event loop has looked at sockets and timers: `setImmediate`. */
  constructor(schedule: (callback: () => void) => void, sliceMs: number) {
    this.#schedule = schedule
    this.#sliceMs = sliceMs
  }

  /** Guests and requests that wait for a turn. */
  get waiting(): number {
    return this.#waiting
  }

  /** Whether a new request of `tenant` may run at once. */
  mayRun(tenant: string): boolean {
    return !this.#tenants.has(tenant) && (this.#usedMs.get(tenant) ?? 0) < this.#sliceMs
  }

  /** `tenant` has used the thread. */
  charge(tenant: string, cpuMs: number): void {
    const usedMs = (this.#usedMs.get(tenant) ?? 0) + cpuMs
    this.#usedMs.set(tenant, usedMs)
    if (usedMs > this.#sliceMs / 2) this.#arm() // else it does not matter yet, and a turn more costs time
  }

  /** Calls `wake` when `tenant` has its turn. `costMs`: how long it is likely to hold the thread; default: a slice. */
  join(tenant: string, wake: () => void, costMs: number = this.#sliceMs): void {
    const waiting = { wake, costMs: Math.min(Math.max(costMs, MIN_COST_MS), this.#sliceMs) }
    const queue = this.#tenants.get(tenant)
    if (queue === undefined) this.#tenants.set(tenant, [waiting])
    else queue.push(waiting)
    this.#waiting += 1
    this.#arm()
  }

  #arm(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      this.#usedMs.clear()
      this.#giveTurns()
      if (this.#waiting > 0) this.#arm()
    })
  }

  /** Wakes as many as are likely to need one slice together, but at least one. */
  #giveTurns(): void {
    let leftMs = this.#sliceMs
    while (leftMs > 0) {
      const next = this.#takeNext()
      if (next === undefined) return
      leftMs -= next.costMs
      next.wake()
    }
  }

  #takeNext(): Waiting | undefined {
    for (const [tenant, queue] of this.#tenants) {
      this.#tenants.delete(tenant)
      const next = queue.shift()
      if (queue.length > 0) this.#tenants.set(tenant, queue) // behind all others
      this.#waiting -= 1
      return next
    }
    return undefined
  }
}
