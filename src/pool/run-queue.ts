/**
 * Whose turn it is to have the thread. A turn of the event loop belongs to no one tenant for longer than a slice: guests
 * whose slice is over, and new requests of tenants that have had theirs, wait here. The tenant that has had least of the
 * thread comes first, so each gets the same share of it, however many requests it has and however long they take; one
 * that wants less than its share hardly waits. Within a tenant it is first come, first served.
 */
import { MAX_USAGE_ENTRIES, MIN_USAGE_MS, type Usage } from '../base/usage.ts'
import { Earliest } from './earliest.ts'

interface Waiting {
  readonly wake: (paidMs: number) => void
  readonly costMs: number
}

/** Nothing is free. */
const MIN_COST_MS = 0.02

/**
 * By how much a tenant that has had less than the others may come before them. As much as a short request needs, so that
 * it is answered in one go; and not more, because for so long everybody else has to wait.
 */
export const CREDIT_MS = 5

/** Accounts of tenants that do not wait are forgotten when there are so many of them. */
const MAX_IDLE_ACCOUNTS = 1024

/**
 * What a tenant has had elsewhere may keep it waiting for about so long, whatever was counted: for as long as all others that
 * wait need to have had so much together.
 */
const MAX_DEBT_MS = 200

interface Account {
  /** How much of the thread the tenant has had while somebody waited, here and elsewhere, in milliseconds. */
  hadMs: number
  /** Of that, what was here and has not been told. */
  untoldMs: number
}

export class RunQueue {
  readonly #schedule: (callback: () => void) => void
  readonly #sliceMs: number
  /** Those who wait, by tenant. */
  readonly #queues = new Map<string, Waiting[]>()
  /** Tenants that wait, by how much of the thread they have had. */
  readonly #order = new Earliest<string>()
  readonly #accounts = new Map<string, Account>()
  /** Nobody starts from less. */
  #floorMs = 0
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
    if (this.#queues.has(tenant) || (this.#usedMs.get(tenant) ?? 0) >= this.#sliceMs) return false
    return this.#waiting === 0 || this.#hadBy(tenant) <= this.#order.leastKey
  }

  /** `tenant` has used the thread, beyond what it has paid for when it was woken; less than 0: it has not used all of that. */
  charge(tenant: string, cpuMs: number): void {
    const usedMs = (this.#usedMs.get(tenant) ?? 0) + cpuMs
    this.#usedMs.set(tenant, usedMs)
    this.#book(tenant, cpuMs)
    if (usedMs > this.#sliceMs / 2) this.#arm() // else it does not matter yet, and a turn more costs time
  }

  /**
   * Calls `wake` when `tenant` has its turn. `costMs`: how long it is likely to hold the thread; default: a slice. `wake` is
   * told what the tenant has been charged for that.
   */
  join(tenant: string, wake: (paidMs: number) => void, costMs: number = this.#sliceMs): void {
    const waiting = { wake, costMs: Math.min(Math.max(costMs, MIN_COST_MS), this.#sliceMs) }
    const queue = this.#queues.get(tenant)
    if (queue !== undefined) queue.push(waiting)
    else {
      this.#queues.set(tenant, [waiting])
      this.#order.add(tenant, this.#hadBy(tenant))
    }
    this.#waiting += 1
    this.#arm()
  }

  /** What tenants have had here since this was asked last; nothing when nobody waits. */
  takeUsage(): Usage {
    if (this.#waiting === 0) return []
    const usage: Array<readonly [string, number]> = []
    for (const [tenant, account] of this.#accounts) {
      if (account.untoldMs < MIN_USAGE_MS) continue
      usage.push([tenant, account.untoldMs])
      account.untoldMs = 0
      if (usage.length === MAX_USAGE_ENTRIES) break
    }
    return usage
  }

  /** Tenants have had the threads of other workers: those that have had this one too come later for that. */
  countElsewhere(usage: Usage): void {
    if (this.#waiting === 0) return
    const mostMs = this.#floorMs + CREDIT_MS + MAX_DEBT_MS / this.#queues.size
    for (const [tenant, usedMs] of usage) {
      const account = this.#accounts.get(tenant)
      if (account === undefined) continue
      const hadMs = this.#hadBy(tenant)
      account.hadMs = Math.max(hadMs, Math.min(hadMs + usedMs, mostMs))
    }
  }

  #hadBy(tenant: string): number {
    return Math.max(this.#accounts.get(tenant)?.hadMs ?? this.#floorMs, this.#floorMs)
  }

  #book(tenant: string, usedMs: number): number {
    const hadMs = this.#hadBy(tenant) + usedMs
    const account = this.#accounts.get(tenant)
    if (account === undefined) this.#accounts.set(tenant, { hadMs, untoldMs: usedMs })
    else {
      account.hadMs = hadMs
      account.untoldMs += usedMs
    }
    return hadMs
  }

  #arm(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(() => {
      this.#isScheduled = false
      this.#usedMs.clear()
      this.#giveTurns()
      if (this.#waiting > 0) this.#arm()
      else this.#accounts.clear() // nobody has had anything at the cost of others
    })
  }

  /** Wakes as many as are likely to need one slice together, but at least one. */
  #giveTurns(): void {
    let leftMs = this.#sliceMs
    while (leftMs > 0) {
      const next = this.#takeNext()
      if (next === undefined) return
      leftMs -= next.costMs
      next.wake(next.costMs)
    }
  }

  #takeNext(): Waiting | undefined {
    const tenant = this.#takeTenant()
    const queue = tenant === undefined ? undefined : this.#queues.get(tenant)
    const next = queue?.shift()
    if (tenant === undefined || queue === undefined || next === undefined) return undefined
    this.#floorMs = Math.max(this.#floorMs, this.#hadBy(tenant) - CREDIT_MS)
    const hadMs = this.#book(tenant, next.costMs)
    if (queue.length === 0) this.#queues.delete(tenant)
    else this.#order.add(tenant, hadMs)
    this.#waiting -= 1
    if (this.#accounts.size > this.#queues.size + MAX_IDLE_ACCOUNTS) this.#forgetIdle()
    return next
  }

  /** A tenant may have been charged since it joined: then it goes back to where it belongs. */
  #takeTenant(): string | undefined {
    for (;;) {
      const { leastKey } = this.#order
      const tenant = this.#order.take()
      if (tenant === undefined) return undefined
      const hadMs = this.#hadBy(tenant)
      if (hadMs <= leastKey) return tenant
      this.#order.add(tenant, hadMs)
    }
  }

  #forgetIdle(): void {
    for (const [tenant, { hadMs }] of this.#accounts) {
      if (hadMs <= this.#floorMs && !this.#queues.has(tenant)) this.#accounts.delete(tenant)
    }
  }
}
