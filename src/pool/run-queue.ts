/**
 * Whose turn it is to have the thread: guests whose time slice is over wait here. Round-robin by tenant first, then first
 * come, first served: a tenant with a hundred running guests gets no more than a tenant with one.
 */

export class RunQueue {
  readonly #schedule: (callback: () => void) => void
  /** Tenants that wait, in order of their next turn. */
  readonly #tenants = new Map<string, Array<() => void>>()
  #isScheduled = false
  #waiting = 0

  /** `schedule` calls back after the event loop has looked at sockets and timers: `setImmediate`. */
  constructor(schedule: (callback: () => void) => void) {
    this.#schedule = schedule
  }

  /** Guests that wait for a turn. */
  get waiting(): number {
    return this.#waiting
  }

  /** Calls `wake` when `tenant` has its turn. One guest a turn of the event loop. */
  join(tenant: string, wake: () => void): void {
    const queue = this.#tenants.get(tenant)
    if (queue === undefined) this.#tenants.set(tenant, [wake])
    else queue.push(wake)
    this.#waiting += 1
    this.#arm()
  }

  #arm(): void {
    if (this.#isScheduled || this.#waiting === 0) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      this.#giveTurn()
      this.#arm()
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
