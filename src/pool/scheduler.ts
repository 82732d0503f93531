/** Gives each request its turn with the thread, a slot of its tenant and an instance of its handler, and takes them back. */
import type { Clock, Timer } from '../base/clock.ts'
import type { GuestReport } from '../guest/instance.ts'
import { makeInstance } from '../guest/make-instance.ts'
import type { GuestModule } from '../guest/module.ts'
import { Capacity, type PoolCaps } from './caps.ts'
import type { PoolError } from './errors.ts'
import type { Place } from './places.ts'
import type { PoolRun } from './pool-run.ts'
import { PooledInstance } from './pooled-instance.ts'
import { RunQueue } from './run-queue.ts'
import { idleLimit, idleTimeoutMs, instancesToMake, type Sizing } from './sizing.ts'
import type { SlotLimits } from './slots.ts'
import { TenantState } from './tenant-state.ts'
import type { WarmInstances } from './warm-instances.ts'

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

const NEVER_RAN = { cpuMs: 0, memoryBytes: 0 } as const

export class Scheduler {
  readonly #clock: Clock
  readonly #runQueue: RunQueue
  readonly #capacity: Capacity
  readonly #warm: WarmInstances
  readonly #tenants = new Map<string, TenantState>()
  /** Instances that still have to be put back, by place; a place may be there twice. */
  readonly #used: Place[] = []
  #expireTimer: Timer | undefined
  #isStopping = false

  constructor({ clock, caps }: SchedulerOptions) {
    this.#clock = clock
    this.#runQueue = new RunQueue({
      sliceMs: TURN_MS,
      schedule: setImmediate,
      afterThis: queueMicrotask,
    })
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

  /** The instances of a tenant, running and idle ones. */
  instancesOf(tenant: string): readonly PooledInstance[] {
    const running = [...this.#capacity.running].filter(({ place }) => place.owner.tenant === tenant)
    return [...running, ...this.#warm.instancesOf(tenant)]
  }

  /** What is known of a tenant, whose limits these are from here on. */
  stateOf(tenant: string, limits: SlotLimits): TenantState {
    let state = this.#tenants.get(tenant)
    if (state === undefined) {
      state = new TenantState(tenant, limits, this.#clock)
      this.#tenants.set(tenant, state)
    }
    state.update(limits)
    return state
  }

  /** Runs it to its end, beginning now or when it can; it is told of its end, or why it was not run. */
  run(run: PoolRun): void {
    const { state } = run
    if (this.#isStopping) this.refuse(run, state.slots.stoppingError())
    else if (this.#runQueue.mayRun(state.account)) this.#enter(run)
    else if (state.mayWait) this.#awaitThread(run)
    else this.refuse(run, state.slots.fullError(state.waiting))
  }

  /** A run that waited for a slot has one. */
  admitted(run: PoolRun): void {
    this.#capacity.entered()
    // Whoever gives a slot back has something to do first.
    queueMicrotask(() => {
      if (run.phase !== 'queued') this.#capacity.leave(run.state)
      else if (this.#runQueue.mayRun(run.state.account)) this.#begin(run)
      else run.joinQueue(() => this.#begin(run), run.state.usualCpuMs)
    })
  }

  /** It will not run. */
  refuse(run: PoolRun, error: PoolError): void {
    run.phase = 'over'
    run.state.counters.refused += 1
    run.notRun(error)
  }

  /** Whoever wanted it has gone before it ran. */
  giveUp(run: PoolRun): void {
    const { phase, state } = run
    if (phase === 'new') run.stop('aborted')
    if (phase !== 'arriving' && phase !== 'queued') return
    state.arriving.delete(run)
    const hasSlot = phase === 'queued' && !state.slots.giveUp(run)
    // It has its slot already: whoever is about to start it notices.
    if (hasSlot) run.stop('aborted')
    else this.refuse(run, state.slots.abortedError())
  }

  /** A request of the tenant was slow. */
  countSlow(state: TenantState): void {
    state.counters.slow += 1
  }

  /** Forgets a tenant that is no longer configured, once nothing of it runs. */
  dropTenant(tenant: string): void {
    this.#warm.dropTenant(tenant)
    const state = this.#tenants.get(tenant)
    if (state === undefined || state.slots.active > 0 || state.waiting > 0) return
    state.arrivalTimer?.cancel()
    this.#tenants.delete(tenant)
  }

  /** Kills every guest and refuses every request that waits. */
  stop(): void {
    this.#isStopping = true
    this.#expireTimer?.cancel()
    for (const { slots, arriving, arrivalTimer } of this.#tenants.values()) {
      arrivalTimer?.cancel()
      slots.refuseAll()
      for (const run of [...arriving]) {
        arriving.delete(run)
        this.refuse(run, slots.stoppingError())
      }
    }
    for (const { instance } of [...this.#capacity.running]) instance.kill('stopping')
  }

  #awaitThread(run: PoolRun): void {
    const { state } = run
    run.phase = 'arriving'
    state.arriving.add(run)
    state.arrivalTimer ??= this.#clock.after(state.limits.queueTimeoutMs, () =>
      this.#refuseLate(state),
    )
    run.joinQueue(() => {
      if (run.phase !== 'arriving') {
        run.settle(0)
        return
      }
      state.arriving.delete(run)
      this.#enter(run)
    }, state.usualCpuMs)
  }

  /** Those that have waited for the thread for as long as they may. The first one came first. */
  #refuseLate(state: TenantState): void {
    const { arriving, slots, limits } = state
    state.arrivalTimer = undefined
    const nowMs = this.#clock.nowMs()
    for (const run of arriving) {
      const leftMs = run.askedMs + limits.queueTimeoutMs - nowMs
      if (leftMs > 0) {
        state.arrivalTimer = this.#clock.after(leftMs, () => this.#refuseLate(state))
        return
      }
      arriving.delete(run)
      this.refuse(run, slots.timeoutError())
    }
  }

  /** It has the thread: takes a slot, or waits for one. */
  #enter(run: PoolRun): void {
    const { state } = run
    if (this.#capacity.tryEnter(state, run.module)) {
      this.#begin(run)
      return
    }
    run.settle(0)
    state.countWait()
    const { slots, limits } = state
    if (slots.waiting >= limits.queueMax) {
      this.refuse(run, slots.fullError(slots.waiting))
      return
    }
    run.phase = 'queued'
    const leftMs = Math.max(0, run.askedMs + limits.queueTimeoutMs - this.#clock.nowMs())
    this.#capacity.enter(state, run, leftMs)
  }

  /** It has the thread and a slot: takes an instance of its handler, or makes one, and runs. */
  #begin(run: PoolRun): void {
    const { module, state } = run
    const place = state.places.find(module, run.engine, run.placeName)
    const held = this.#warm.take(place) ?? this.#takeUsed(place) ?? this.#makeNow(run, place)
    this.#capacity.begin(held)
    const nowMs = this.#clock.nowMs()
    run.queuedMs = run.phase === 'new' ? 0 : nowMs - run.askedMs
    run.phase = 'running'
    run.held = held
    held.isRunning = true
    held.requests += 1
    held.startedMs = nowMs
    held.subject = run.subject
    held.sizing = run.sizing
    held.maxRequests = run.maxRequests
    state.countStart(run.queuedMs)
    run.onStart()
    const reason = this.#isStopping ? 'stopping' : run.stoppedFor
    if (reason === undefined) held.instance.start(run, run)
    else this.end(run, { outcome: { kind: 'killed', reason }, ...NEVER_RAN })
  }

  /** Its guest has ended. */
  end(run: PoolRun, report: GuestReport): void {
    run.state.countEnd(report)
    run.settle(report.cpuMs)
    this.#giveBack(run, report)
    run.ended(report)
  }

  /** What runs it is broken. */
  fail(run: PoolRun, error: unknown): void {
    this.#giveBack(run, undefined)
    run.notRun(error)
  }

  #giveBack(run: PoolRun, report: GuestReport | undefined): void {
    const { held } = run
    run.phase = 'over'
    run.held = undefined
    if (held === undefined) return
    held.last = report
    this.#capacity.end(held)
    held.isRunning = false
    held.endedMs = this.#clock.nowMs()
    // Putting an instance back waits until the answers of this turn are on their way, unless somebody wants it before that.
    held.place.used.push(held)
    this.#used.push(held.place)
    if (this.#used.length === 1) setImmediate(this.#putUsedBack)
    this.#capacity.leave(run.state)
  }

  readonly #putUsedBack = (): void => {
    let fromMs = this.#clock.nowMs()
    for (const place of this.#used.splice(0)) {
      const used = place.used.pop()
      if (used === undefined) continue // somebody has taken it
      const isFirstUse = used.isNew && used.instance.runs === 1
      used.isNew = false
      const state = this.#tenants.get(place.owner.tenant)
      if (this.#restore(used)) this.#keep(used)
      fromMs = this.#chargeSince(fromMs, state)
      if (state !== undefined) this.#makeAhead(used, state, isFirstUse)
    }
  }

  /** Somebody wants the instance before that. */
  #takeUsed(place: Place): PooledInstance | undefined {
    const used = place.used.pop()
    if (used === undefined) return undefined
    used.isNew = false
    const fromMs = this.#clock.nowMs()
    const isReady = this.#restore(used)
    this.#chargeSince(fromMs, this.#tenants.get(place.owner.tenant))
    return isReady ? used : undefined
  }

  #makeNow({ module, state }: PoolRun, place: Place): PooledInstance {
    const fromMs = this.#clock.nowMs()
    this.#capacity.beforeMake(module)
    const made = this.#make(module, place, state)
    made.isNew = true
    this.#chargeSince(fromMs, state)
    return made
  }

  /** What is done for a request before and after its guest runs is its tenant's to pay, too. Answers the time. */
  #chargeSince(fromMs: number, state: TenantState | undefined): number {
    const nowMs = this.#clock.nowMs()
    if (state !== undefined) {
      this.#runQueue.charge(state.account, Math.min(nowMs - fromMs, TURN_MS))
    }
    return nowMs
  }

  #make(module: GuestModule, place: Place, { counters }: TenantState): PooledInstance {
    counters.instancesMade += 1
    const { engine } = place
    const instance = makeInstance({ engine, module, clock: this.#clock })
    return new PooledInstance(instance, { module, place, nowMs: this.#clock.nowMs() })
  }

  #restore(used: PooledInstance): boolean {
    const { counters } = this.#tenants.get(used.place.owner.tenant) ?? {}
    const { instance, sizing } = used
    if (canRunAgain(used)) {
      if (sizing?.lifetime === 'reset' && counters !== undefined) counters.resets += 1
      return true
    }
    const isNew = instance.renew(() => {
      this.#countRenewal(used)
      this.#keep(used)
    })
    if (isNew) this.#countRenewal(used)
    return isNew
  }

  #countRenewal(used: PooledInstance): void {
    const { counters } = this.#tenants.get(used.place.owner.tenant) ?? {}
    if (counters !== undefined) {
      counters.instancesMade += 1
      counters.instancesRenewed += 1
    }
    used.renewed(this.#clock.nowMs())
  }

  #keep(one: PooledInstance): void {
    const { sizing, place } = one
    const { owner } = place
    const active = this.#tenants.get(owner.tenant)?.slots.active ?? 0
    if (sizing === undefined) return
    if (owner.idle >= idleLimit(sizing, active)) this.#warm.dropOne(owner)
    if (!this.#capacity.beforeKeep(one)) return
    const timeoutMs = idleTimeoutMs(sizing)
    const isForGood = timeoutMs === Number.POSITIVE_INFINITY
    this.#warm.put(one, isForGood ? timeoutMs : this.#clock.nowMs() + timeoutMs)
    if (!isForGood) this.#expireLater()
  }

  /** Instances made while nobody wants the thread are there when somebody does. One a turn of the event loop. */
  #makeAhead(like: PooledInstance, state: TenantState, isFirstUse: boolean): void {
    const { sizing } = like
    if (sizing === undefined) return
    if (sizing.pm === 'ondemand' && sizing.lifetime !== 'fresh') return
    this.#makeOneAhead(like, state, { sizing, isFirstUse, most: sizing.maxSpawnRate })
  }

  #makeOneAhead(like: PooledInstance, state: TenantState, spawning: Spawning): void {
    const { sizing, isFirstUse, most } = spawning
    if (this.#countWanted(state, spawning) === 0) return
    setImmediate(() => {
      const { place, module } = like
      const wanted = this.#countWanted(state, spawning)
      if (wanted === 0 || this.#isStopping || this.#runQueue.waiting > 0) return
      if (!this.#capacity.hasSpareRoom(module)) return
      const made = this.#make(module, place, state)
      made.sizing = sizing
      made.maxRequests = like.maxRequests
      this.#keep(made)
      if (wanted > 1 && most > 1)
        this.#makeOneAhead(like, state, { sizing, isFirstUse, most: most - 1 })
    })
  }

  #countWanted({ slots, places }: TenantState, { sizing, isFirstUse }: Spawning): number {
    const headcount = { active: slots.active, idle: places.owner.idle, isFirstUse }
    return instancesToMake(sizing, headcount)
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
}

interface Spawning {
  readonly sizing: Sizing
  /** Of the handler. */
  readonly isFirstUse: boolean
  /** Instances to make, one after the other. */
  readonly most: number
}

function canRunAgain({ instance, sizing, maxRequests }: PooledInstance): boolean {
  if (maxRequests > 0) {
    const limit = Math.ceil(maxRequests * (1 - instance.jitter * MAX_REQUESTS_JITTER))
    if (instance.runs >= limit) return false
  }
  switch (sizing?.lifetime) {
    case 'reset':
      return instance.reset()
    case 'persistent':
      return !instance.isSpent
    default:
      return false
  }
}
