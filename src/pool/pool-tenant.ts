/** What the pool knows of one tenant: its slots and its accounts. Exact, and kept across reloads. */
import type { Clock, Timer } from '../base/clock.ts'
import { FaultConduct } from '../guest/fault-conduct.ts'
import type { GuestReport } from '../guest/job.ts'
import { Places } from './places.ts'
import { Account } from './run-queue.ts'
import { type SlotLimits, Slots, type SlotWaiter } from './slots.ts'
import { WaitHistogram } from './wait-histogram.ts'

/** A request that waits for the thread. */
export interface Arriving extends SlotWaiter {
  /** When it began to wait, on the pool's clock. */
  readonly askedMs: number
}

export interface TenantCounters {
  /** Requests that got an instance. */
  requests: number
  /** Requests that had to wait for one. */
  queued: number
  /** How long they waited; those that did not wait count as 0. */
  readonly waits: WaitHistogram
  /** Requests that got none: queue full, waited too long, or stopping. */
  refused: number
  /** CPU time of its guests, in milliseconds. */
  cpuMs: number
  /** Of that, what was no request's. */
  workMs: number
  /** The most instances that ran at once. */
  maxActive: number
  /** The most requests that waited at once. */
  maxWaiting: number
  /** How often a request found `max_children` reached. */
  maxChildrenReached: number
  /** The most linear memory an instance had, in bytes. */
  memoryPeakBytes: number
  /** Requests that took longer than the slow log's time. */
  slow: number
  instancesMade: number
  /** Those of them that have the memories of an older one. */
  instancesRenewed: number
  resets: number
  /** Ends of runs that did not end by themselves, by kind: `trap:unreachable`, `killed:cpu` ... */
  readonly outcomes: Map<string, number>
}

export class PoolTenant {
  readonly account: Account
  readonly slots: Slots
  readonly places: Places
  readonly faults: FaultConduct
  readonly counters: TenantCounters = {
    requests: 0,
    queued: 0,
    waits: new WaitHistogram(),
    refused: 0,
    cpuMs: 0,
    workMs: 0,
    maxActive: 0,
    maxWaiting: 0,
    maxChildrenReached: 0,
    memoryPeakBytes: 0,
    slow: 0,
    instancesMade: 0,
    instancesRenewed: 0,
    resets: 0,
    outcomes: new Map(),
  }
  /** What the instance of its latest request is going to need, in bytes. */
  needBytes = 0
  /** Requests that wait for the thread and have no slot yet. */
  readonly arriving = new Set<Arriving>()
  /** Looks for those of them that have waited for too long. */
  arrivalTimer: Timer | undefined
  #limits: SlotLimits
  #isHeld = false

  constructor(name: string, limits: SlotLimits, clock: Clock) {
    this.account = new Account(name)
    this.slots = new Slots(name, limits, clock)
    this.places = new Places(name)
    this.faults = new FaultConduct(clock)
    this.#limits = limits
  }

  get limits(): SlotLimits {
    return this.#limits
  }

  /** Requests that wait, for the thread or for a slot. */
  get waiting(): number {
    return this.arriving.size + this.slots.waiting
  }

  /** Whether one more may wait: as many as there are free slots, and those of the queue. */
  get mayWait(): boolean {
    const { maxChildren, queueMax } = this.#limits
    return this.waiting < queueMax + Math.max(0, maxChildren - this.slots.active)
  }

  /** Takes over the limits of a new configuration. */
  update(limits: SlotLimits): void {
    if (this.#limits === limits) return
    this.#limits = limits
    if (!this.#isHeld) this.slots.limits = limits
  }

  /** From here on its requests wait, whatever its own limit is. */
  hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#limitChildren(0)
  }

  /** While held: starts the first request that waits, if the tenant's own limit allows. */
  admitOne(): void {
    this.#limitChildren(Math.min(this.#limits.maxChildren, this.slots.active + 1))
    this.#limitChildren(0)
  }

  /** From here on its own limit alone holds. */
  lift(): void {
    this.#isHeld = false
    this.slots.limits = this.#limits
  }

  /** What a request of the tenant has taken of the thread so far, on average, in milliseconds. */
  get usualCpuMs(): number {
    const { cpuMs, workMs, requests } = this.counters
    return (cpuMs - workMs) / Math.max(1, requests)
  }

  countStart(queuedMs: number): void {
    this.counters.waits.observe(queuedMs)
    this.counters.requests += 1
    this.counters.maxActive = Math.max(this.counters.maxActive, this.slots.active)
  }

  countWait(): void {
    this.counters.queued += 1
    if (this.slots.active >= this.#limits.maxChildren) this.counters.maxChildrenReached += 1
    this.counters.maxWaiting = Math.max(this.counters.maxWaiting, this.slots.waiting + 1)
  }

  countEnd({ outcome, cpuMs, memoryBytes }: GuestReport): void {
    const { counters } = this
    counters.cpuMs += cpuMs
    counters.memoryPeakBytes = Math.max(counters.memoryPeakBytes, memoryBytes)
    if (outcome.kind === 'exited') return
    const kind = outcome.kind === 'trapped' ? `trap:${outcome.trap}` : `killed:${outcome.reason}`
    counters.outcomes.set(kind, (counters.outcomes.get(kind) ?? 0) + 1)
  }

  /** Something was done for it besides its requests. */
  countWork(cpuMs: number): void {
    this.counters.cpuMs += cpuMs
    this.counters.workMs += cpuMs
  }

  #limitChildren(maxChildren: number): void {
    this.slots.limits = { ...this.#limits, maxChildren }
  }
}
