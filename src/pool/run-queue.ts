/**
 * Whose turn it is to have the thread. A turn of the event loop belongs to no one tenant for longer than a slice: guests
 * whose slice is over, and new requests of tenants that have had theirs, wait here. Round-robin by tenant first, then
 * first come, first served: a tenant with a hundred running guests gets no more than a tenant with one.
 */

export class RunQueue {
  readonly #schedule: (callback: () => void) => void
  readonly #sliceMs: number
  /** Tenants that wait, in order of their next turn. */
  readonly #tenants = new Map<string, Array<() => void>>()
  /** CPU time of this turn of the event loop, by tenant, in milliseconds. */
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
    this.#usedMs.set(tenant, (this.#usedMs.get(tenant) ?? 0) + cpuMs)
    this.#arm()
  }

  /** Calls `wake` when `tenant` has its turn. One a turn of the event loop. */
  join(tenant: string, wake: () => void): void {
    const queue = this.#tenants.get(tenant)
    if (queue === undefined) this.#tenants.set(tenant, [wake])
    else queue.push(wake)
    this.#waiting += 1
    this.#arm()
  }

  #arm(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      this.#usedMs.clear()
      this.#giveTurn()
      if (this.#waiting > 0) this.#arm()
    })
  }

  #giveTurn(): void {
    for (const [tenant, queue] of this.#tenants) {
      this.#tenants.delete(tenant)
      const wake = queue.shift()
      if (queue.length > 0) this.#tenants.set(tenant, queue) // behind all others
      this.#waiting -= 1
      wake?.()
      return
    }
  }
}
