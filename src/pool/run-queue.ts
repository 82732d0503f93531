/**
 * Whose turn it is to have the thread. A turn of the event loop belongs to no one tenant for longer than a slice: guests
 * whose slice is over, and new requests of tenants that have had theirs, wait here. The tenant that has had least of the
 * thread comes first, so each gets the same share of it, however many requests it has and however long they take; one
 * that wants less than its share hardly waits. Within a tenant it is first come, first served.
 */
import { MAX_USAGE_ENTRIES, MIN_USAGE_MS, type Usage } from '../base/usage.ts'
import { Earliest } from './earliest.ts'
import { Fifo } from './fifo.ts'

/** Who waits for a turn. Objects instead of callbacks: there is one for every request that waits. */
export interface Waiter {
  /** How long it is likely to hold the thread, in milliseconds. */
  readonly costMs: number
  /** Whether it is a guest that has used up a slice. */
  readonly hasUsedSlice: boolean
  /** It has its turn, and its tenant has been charged `paidMs` for that. */
  takeThread(paidMs: number): void
}

/** What a tenant has had of this thread, and who of it waits for more. */
export class Account {
  readonly tenant: string
  readonly waiting: Fifo<Waiter> = new Fifo()
  /** How much of the thread the tenant has had while somebody waited, here and elsewhere, in milliseconds. */
  hadMs = 0
  /** Of that, what was here and has not been told. */
  untoldMs = 0
  /** The time in which both were counted: others do not matter any more. */
  epoch = -1
  /** What it has had in one turn of the event loop, and in which. */
  usedMs = 0
  turn = -1

  constructor(tenant: string) {
    this.tenant = tenant
  }
}

/** Nothing is free. */
const MIN_COST_MS = 0.02

/**
 * By how much a tenant that has had less than the others may come before them. As much as a short request needs, so that
 * it is answered in one go; and not more, because for so long everybody else has to wait.
 */
const CREDIT_MS = 5

/** Accounts of tenants that do not wait are forgotten when there are so many of them. */
const MAX_IDLE_ACCOUNTS = 1024

/**
 * What a tenant has had elsewhere may keep it waiting for about so long, whatever was counted: for as long as all others that
 * wait need to have had so much together.
 */
const MAX_DEBT_MS = 200

export interface RunQueueOptions {
  readonly sliceMs: number
  /** The time in milliseconds. */
  readonly nowMs: () => number
  /** Calls back after the event loop has looked at sockets and timers: `setImmediate`. */
  readonly schedule: (callback: () => void) => void
  /** Calls back when what is being done now, and what that leads to at once, is done: `queueMicrotask`. */
  readonly afterThis: (callback: () => void) => void
}

export class RunQueue {
  readonly #nowMs: () => number
  readonly #schedule: (callback: () => void) => void
  readonly #afterThis: (callback: () => void) => void
  readonly #sliceMs: number
  /** Tenants that wait, by how much of the thread they have had. */
  readonly #order = new Earliest<Account>()
  /** Tenants that have had something in this epoch. */
  readonly #accounts = new Map<string, Account>()
  /** From one time in which nobody waits to the next. */
  #epoch = 0
  /** Nobody starts from less. */
  #floorMs = 0
  /** Counts turns of the event loop (those that were short together with the next). */
  #turn = 0
  #isScheduled = false
  /** Of the slice that is being given away, and when it is over. */
  #leftMs = 0
  #endMs = 0
  #waiting = 0
  #waitingGuests = 0
  #waitingTenants = 0

  constructor({ sliceMs, nowMs, schedule, afterThis }: RunQueueOptions) {
    this.#nowMs = nowMs
    this.#schedule = schedule
    this.#afterThis = afterThis
    this.#sliceMs = sliceMs
  }

  /** Guests and requests that wait for a turn. */
  get waiting(): number {
    return this.#waiting
  }

  /** Those of them that are guests which have used up a slice. */
  get waitingGuests(): number {
    return this.#waitingGuests
  }

  /** Whether a new request of the tenant may run at once. */
  mayRun(account: Account): boolean {
    if (account.waiting.length > 0) return false
    if (account.turn === this.#turn && account.usedMs >= this.#sliceMs) return false
    return this.#waiting === 0 || this.#hadBy(account) <= this.#order.leastKey
  }

  /** The tenant has used the thread, beyond what it has paid for when it was woken; less than 0: it has not used all of that. */
  charge(account: Account, cpuMs: number): void {
    if (account.turn !== this.#turn) {
      account.turn = this.#turn
      account.usedMs = 0
    }
    account.usedMs += cpuMs
    this.#book(account, cpuMs)
    if (account.usedMs > this.#sliceMs / 2) this.#arm() // else it does not matter yet, and a turn more costs time
  }

  /** Gives `waiter` the thread when it is the tenant's turn. */
  join(account: Account, waiter: Waiter): void {
    account.waiting.push(waiter)
    if (account.waiting.length === 1) {
      this.#waitingTenants += 1
      this.#order.add(account, this.#hadBy(account))
    }
    this.#waiting += 1
    if (waiter.hasUsedSlice) this.#waitingGuests += 1
    this.#arm()
  }

  /** What tenants have had here since this was asked last; nothing when nobody waits. */
  takeUsage(): Usage {
    if (this.#waiting === 0) return []
    const usage: Array<readonly [string, number]> = []
    for (const account of this.#accounts.values()) {
      if (account.untoldMs < MIN_USAGE_MS) continue
      usage.push([account.tenant, account.untoldMs])
      account.untoldMs = 0
      if (usage.length === MAX_USAGE_ENTRIES) break
    }
    return usage
  }

  /** Tenants have had the threads of other workers: those that have had this one too come later for that. */
  countElsewhere(usage: Usage): void {
    if (this.#waiting === 0) return
    const mostMs = this.#floorMs + CREDIT_MS + MAX_DEBT_MS / this.#waitingTenants
    for (const [tenant, usedMs] of usage) {
      const account = this.#accounts.get(tenant)
      if (account === undefined) continue
      const hadMs = this.#hadBy(account)
      account.hadMs = Math.max(hadMs, Math.min(hadMs + usedMs, mostMs))
    }
  }

  #hadBy(account: Account): number {
    return account.epoch === this.#epoch ? Math.max(account.hadMs, this.#floorMs) : this.#floorMs
  }

  #book(account: Account, usedMs: number): number {
    const hadMs = this.#hadBy(account) + usedMs
    if (account.epoch !== this.#epoch) {
      account.epoch = this.#epoch
      account.untoldMs = 0
      this.#accounts.set(account.tenant, account)
    }
    account.hadMs = hadMs
    account.untoldMs += usedMs
    return hadMs
  }

  #arm(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#schedule(this.#giveTurns)
  }

  readonly #giveTurns = (): void => {
    this.#isScheduled = false
    this.#turn += 1
    this.#leftMs = this.#sliceMs
    this.#endMs = this.#nowMs() + this.#sliceMs
    this.#wakeNext()
  }

  /**
   * Wakes as many as are likely to need one slice together, but at least one; each when the one before has done what it can
   * do in one go: a guest that never waits leaves its instance and its slot to the next. What they took beside their own
   * time (an instance made anew, a stack unwound, a log line) counts too: sockets are not looked at meanwhile.
   */
  readonly #wakeNext = (): void => {
    const isOver = this.#leftMs <= 0 || this.#nowMs() >= this.#endMs
    const account = isOver ? undefined : this.#takeTenant()
    const next = account?.waiting.shift()
    if (account === undefined || next === undefined) {
      this.#endTurns()
      return
    }
    const costMs = Math.min(Math.max(next.costMs, MIN_COST_MS), this.#sliceMs)
    this.#floorMs = Math.max(this.#floorMs, this.#hadBy(account) - CREDIT_MS)
    const hadMs = this.#book(account, costMs)
    if (account.waiting.length > 0) this.#order.add(account, hadMs)
    else this.#waitingTenants -= 1
    this.#waiting -= 1
    if (next.hasUsedSlice) this.#waitingGuests -= 1
    if (this.#accounts.size > this.#waitingTenants + MAX_IDLE_ACCOUNTS) this.#forgetIdle()
    this.#leftMs -= costMs
    next.takeThread(costMs)
    this.#afterThis(this.#wakeNext)
  }

  #endTurns(): void {
    if (this.#waiting > 0) this.#arm()
    else if (this.#accounts.size > 0) {
      // Nobody has had anything at the cost of others.
      this.#accounts.clear()
      this.#epoch += 1
    }
  }

  /** A tenant may have been charged since it joined: then it goes back to where it belongs. */
  #takeTenant(): Account | undefined {
    for (;;) {
      const { leastKey } = this.#order
      const account = this.#order.take()
      if (account === undefined) return undefined
      const hadMs = this.#hadBy(account)
      if (hadMs <= leastKey) return account
      this.#order.add(account, hadMs)
    }
  }

  #forgetIdle(): void {
    for (const account of this.#accounts.values()) {
      if (account.hadMs > this.#floorMs || account.waiting.length > 0) continue
      account.epoch = -1
      this.#accounts.delete(account.tenant)
    }
  }
}
