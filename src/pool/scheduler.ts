/** Gives each request a slot of its tenant, its turn with the thread and an instance of its handler, and takes them back. */
import type { Clock, Timer } from '../base/clock.ts'
import type { Instance } from '../guest/engine.ts'
import type { GuestReport } from '../guest/instance.ts'
import { makeInstance } from '../guest/make-instance.ts'
import { Bill } from './bill.ts'
import { Capacity, type PoolCaps } from './caps.ts'
import { HeldRun } from './held-run.ts'
import { type InstanceRecord, newInstanceRecord } from './instance-record.ts'
import type { PoolJob, PoolReport } from './pool-job.ts'
import { RunQueue } from './run-queue.ts'
import { idleLimit, idleTimeoutMs, instancesToMake } from './sizing.ts'
import { TenantState } from './tenant-state.ts'
import type { Place, WarmInstances } from './warm-instances.ts'

export interface SchedulerOptions {
  readonly clock: Clock
  /** Default: none. */
  readonly caps?: PoolCaps
}

/** How long new requests of one tenant may hold a turn of the event loop, in milliseconds. */
const TURN_MS = 1

/** How often idle instances are looked at, in milliseconds. */
const EXPIRE_INTERVAL_MS = 1000

/** By how much `max_requests` is shortened at random, so that instances made together do not end together. */
const MAX_REQUESTS_JITTER = 0.1

export class Scheduler {
  readonly #clock: Clock
  readonly #runQueue: RunQueue
  readonly #capacity: Capacity
  readonly #warm: WarmInstances
  readonly #tenants = new Map<string, TenantState>()
  /** Instances that still have to be put back. */
  readonly #used: UsedInstance[] = []
  readonly #records = new WeakMap<Instance, InstanceRecord>()
  #expireTimer: Timer | undefined
  #isStopping = false

  constructor({ clock, caps }: SchedulerOptions) {
    this.#clock = clock
    this.#runQueue = new RunQueue(setImmediate, TURN_MS)
    this.#capacity = new Capacity(caps)
    this.#warm = this.#capacity.warm
  }

  /** For status pages: what is known of each tenant that has had a request. */
  get tenants(): ReadonlyMap<string, TenantState> {
    return this.#tenants
  }

  get warm(): WarmInstances {
    return this.#warm
  }

  /** Whose turn it is. */
  get runQueue(): RunQueue {
    return this.#runQueue
  }

  /** What all tenants may have together, from here on. */
  set caps(caps: PoolCaps) {
    this.#capacity.caps = caps
  }

  /** The instances of a tenant, running and idle ones, with the linear memory each has. */
  instancesOf(tenant: string): ReadonlyArray<InstanceRecord & { readonly memoryBytes: number }> {
    const found = []
    for (const instance of [...this.#capacity.running, ...this.#warm.instancesOf(tenant)]) {
      const record = this.#recordOf(instance, tenant)
      if (record.tenant === tenant) found.push({ ...record, memoryBytes: instance.memoryBytes })
    }
    return found
  }

  /** Runs one job to its end. Rejects with `PoolError` when it gets no slot; whatever the guest does is in the report. */
  async run(job: PoolJob): Promise<PoolReport> {
    const state = this.#stateOf(job)
    let queuedMs = 0
    if (!this.#capacity.tryEnter(state, job.module)) {
      state.countWait()
      const askedMs = this.#clock.nowMs()
      try {
        await this.#capacity.enter(state, (giveUp) => job.onAbort(giveUp))
      } catch (error) {
        state.counters.refused += 1
        throw error
      }
      queuedMs = this.#clock.nowMs() - askedMs
    }
    try {
      const bill = new Bill(this.#runQueue, job.tenant)
      if (!this.#runQueue.mayRun(job.tenant)) {
        await new Promise<void>((wake) => bill.waitTurn(wake, state.usualCpuMs))
      }
      state.countStart(queuedMs)
      const held = this.#begin(job, state)
      try {
        const report = await this.#runGuest(held, bill, state)
        held.record.last = report
        state.countEnd(report)
        bill.settle(report.cpuMs)
        const { outcome, cpuMs, memoryBytes } = report
        return { outcome, cpuMs, memoryBytes, queuedMs }
      } finally {
        this.#end(held)
      }
    } finally {
      this.#capacity.leave(state)
    }
  }

  /** A request of the tenant was slow. */
  countSlow(tenant: string): void {
    const state = this.#tenants.get(tenant)
    if (state !== undefined) state.counters.slow += 1
  }

  /** Forgets a tenant that is no longer configured, once nothing of it runs. */
  dropTenant(tenant: string): void {
    this.#warm.dropTenant(tenant)
    const { active = 0, waiting = 0 } = this.#tenants.get(tenant)?.slots ?? {}
    if (active === 0 && waiting === 0) this.#tenants.delete(tenant)
  }

  /** Kills every guest and refuses every request that waits. */
  stop(): void {
    this.#isStopping = true
    this.#expireTimer?.cancel()
    for (const { slots } of this.#tenants.values()) slots.refuseAll()
    for (const instance of [...this.#capacity.running]) instance.kill('stopping')
  }

  /** Takes an instance of the job's handler, or makes one. */
  #begin(job: PoolJob, state: TenantState): Held {
    const { module } = job
    const place = state.places.find(module, job.engine ?? 'own', job.place ?? '')
    const warm = this.#warm.take(place.key) ?? this.#takeUsed(place.key)
    const instance = warm ?? this.#makeNow(job, state)
    const record = this.#recordOf(instance, job.tenant)
    this.#capacity.begin(instance, module)
    record.isRunning = true
    record.requests += 1
    record.startedMs = this.#clock.nowMs()
    record.subject = job.subject
    return { instance, job, place, record, isNew: warm === undefined }
  }

  #runGuest({ instance, job }: Held, bill: Bill, { faults }: TenantState): Promise<GuestReport> {
    const run = new HeldRun({ instance, job, bill, faults })
    if (this.#isStopping) run.stop('stopping')
    job.onStart((reason) => run.stop(reason))
    job.onAbort(() => run.stop('aborted'))
    return run.start()
  }

  #end(held: Held): void {
    const { instance, job, record } = held
    this.#capacity.end(instance, job.module)
    record.isRunning = false
    record.endedMs = this.#clock.nowMs()
    this.#giveBack(held)
    const isFirstUse = held.isNew && instance.runs === 1
    this.#makeAhead(held, { isFirstUse, most: job.sizing.maxSpawnRate })
  }

  #makeNow(job: PoolJob, state: TenantState): Instance {
    return this.#charge(job.tenant, () => {
      this.#capacity.beforeMake(job.module)
      return this.#make(job, state)
    })
  }

  /** What is done for a request before and after its guest runs is its tenant's to pay, too. */
  #charge<Result>(tenant: string, work: () => Result): Result {
    const fromMs = this.#clock.nowMs()
    const result = work()
    this.#runQueue.charge(tenant, Math.min(this.#clock.nowMs() - fromMs, TURN_MS))
    return result
  }

  #make({ engine = 'own', module, tenant }: PoolJob, state: TenantState): Instance {
    state.counters.instancesMade += 1
    const instance = makeInstance({ engine, module, clock: this.#clock })
    this.#records.set(instance, newInstanceRecord(tenant, this.#clock.nowMs()))
    return instance
  }

  #recordOf(instance: Instance, tenant: string): InstanceRecord {
    return this.#records.get(instance) ?? newInstanceRecord(tenant, this.#clock.nowMs())
  }

  /** Putting an instance back waits until the answers of this turn are on their way. */
  #giveBack(used: UsedInstance): void {
    this.#used.push(used)
    if (this.#used.length > 1) return
    setImmediate(() => {
      for (const one of this.#used.splice(0)) {
        if (this.#putBack(one)) this.#keep(one.instance, one.job, one.place)
      }
    })
  }

  /** Somebody wants the instance before that. */
  #takeUsed(key: string): Instance | undefined {
    const at = this.#used.findLastIndex(({ place }) => place.key === key)
    const [used] = at < 0 ? [] : this.#used.splice(at, 1)
    return used !== undefined && this.#putBack(used) ? used.instance : undefined
  }

  #putBack(used: UsedInstance): boolean {
    return this.#charge(used.job.tenant, () => this.#restore(used))
  }

  #restore(used: UsedInstance): boolean {
    const { instance, job, place } = used
    if (canRunAgain(instance, job)) {
      if (job.sizing.lifetime === 'reset') this.#stateOf(job).counters.resets += 1
      return true
    }
    const isNew = instance.renew(() => {
      this.#countRenewal(used)
      this.#keep(instance, job, place)
    })
    if (isNew) this.#countRenewal(used)
    return isNew
  }

  #countRenewal({ instance, job }: UsedInstance): void {
    const { counters } = this.#stateOf(job)
    counters.instancesMade += 1
    counters.instancesRenewed += 1
    this.#records.set(instance, newInstanceRecord(job.tenant, this.#clock.nowMs()))
  }

  #keep(instance: Instance, { sizing, tenant }: PoolJob, place: Place): void {
    const active = this.#tenants.get(tenant)?.slots.active ?? 0
    if (this.#warm.countOf(tenant) >= idleLimit(sizing, active)) this.#warm.dropOne(tenant)
    if (!this.#capacity.beforeKeep(instance, tenant)) return
    this.#warm.put(instance, place, this.#clock.nowMs() + idleTimeoutMs(sizing))
    this.#expireLater()
  }

  /** Instances made while nobody wants the thread are there when somebody does. One a turn of the event loop. */
  #makeAhead({ job, place }: Pick<Held, 'job' | 'place'>, { isFirstUse, most }: Spawning): void {
    const { sizing, tenant } = job
    if (sizing.pm === 'ondemand' && sizing.lifetime !== 'fresh') return
    setImmediate(() => {
      const state = this.#stateOf(job)
      const headcount = { active: state.slots.active, idle: this.#warm.countOf(tenant), isFirstUse }
      const wanted = instancesToMake(sizing, headcount)
      if (wanted === 0 || this.#isStopping || this.#runQueue.waiting > 0) return
      if (!this.#capacity.hasSpareRoom(job.module)) return
      this.#keep(this.#make(job, state), job, place)
      if (wanted > 1 && most > 1) this.#makeAhead({ job, place }, { isFirstUse, most: most - 1 })
    })
  }

  #expire(): void {
    this.#expireTimer = undefined
    this.#warm.expire(this.#clock.nowMs())
    if (this.#warm.count > 0) this.#expireLater()
  }

  #expireLater(): void {
    if (this.#isStopping) return
    this.#expireTimer ??= this.#clock.after(EXPIRE_INTERVAL_MS, () => this.#expire())
  }

  #stateOf({ tenant, limits }: PoolJob): TenantState {
    let state = this.#tenants.get(tenant)
    if (state === undefined) {
      state = new TenantState(tenant, limits, this.#clock)
      this.#tenants.set(tenant, state)
    }
    const known = state
    this.#capacity.track(known, () => known.update(limits))
    return known
  }
}

/** An instance whose run is over. */
interface UsedInstance {
  readonly instance: Instance
  readonly job: PoolJob
  readonly place: Place
}

interface Spawning {
  /** Of the handler. */
  readonly isFirstUse: boolean
  /** Instances to make, one after the other. */
  readonly most: number
}

/** An instance that a request has. */
interface Held extends UsedInstance {
  readonly record: InstanceRecord
  /** Whether it was made for this request. */
  readonly isNew: boolean
}

function canRunAgain(instance: Instance, { sizing, maxRequests }: PoolJob): boolean {
  if (maxRequests > 0) {
    const limit = Math.ceil(maxRequests * (1 - instance.jitter * MAX_REQUESTS_JITTER))
    if (instance.runs >= limit) return false
  }
  switch (sizing.lifetime) {
    case 'fresh':
      return false
    case 'reset':
      return instance.reset()
    case 'persistent':
      return !instance.isSpent
  }
}
