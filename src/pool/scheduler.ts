/** Gives each request its turn with the thread, a slot of its tenant and an instance of its handler, and takes them back. */
import type { Clock } from '../base/clock.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { GuestReport } from '../guest/job.ts'
import { Capacity, type PoolCaps } from './caps.ts'
import type { PoolError } from './errors.ts'
import { Instances, type Spares } from './instances.ts'
import type { PoolRun, RunPool } from './pool-run.ts'
import { PoolTenant } from './pool-tenant.ts'
import type { PooledInstance } from './pooled-instance.ts'
import { RunQueue } from './run-queue.ts'
import type { SlotLimits } from './slots.ts'
import type { WarmInstances } from './warm-instances.ts'

export interface SchedulerOptions {
  readonly clock: Clock
  /** Default: none. */
  readonly caps?: PoolCaps
}

/** How long requests that wait, and new ones of one tenant, may hold a turn of the event loop, in milliseconds. */
const TURN_MS = 0.5

const NEVER_RAN = { cpuMs: 0, memoryBytes: 0 } as const

export class Scheduler implements RunPool {
  readonly #clock: Clock
  readonly #runQueue: RunQueue
  readonly #capacity: Capacity
  readonly #warm: WarmInstances
  readonly #tenants = new Map<string, PoolTenant>()
  readonly #instances: Instances
  #isStopping = false

  constructor({ clock, caps }: SchedulerOptions) {
    this.#clock = clock
    this.#runQueue = new RunQueue({
      sliceMs: TURN_MS,
      nowMs: () => clock.nowMs(),
      schedule: setImmediate,
      afterThis: queueMicrotask,
    })
    this.#capacity = new Capacity(caps)
    this.#warm = this.#capacity.warm
    this.#instances = new Instances({
      clock,
      capacity: this.#capacity,
      runQueue: this.#runQueue,
      tenants: this.#tenants,
    })
  }

  /** For status pages: what is known of each tenant that has had a request. */
  get tenants(): ReadonlyMap<string, PoolTenant> {
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

  /** Those of all tenants, running and idle ones. */
  get instances(): readonly PooledInstance[] {
    return [...this.#capacity.running, ...this.#warm]
  }

  /** The instances of a tenant, running and idle ones. */
  instancesOf(tenant: string): readonly PooledInstance[] {
    const running = [...this.#capacity.running].filter(({ place }) => place.owner.tenant === tenant)
    return [...running, ...this.#warm.instancesOf(tenant)]
  }

  /** What is known of a tenant, whose limits these are from here on. */
  stateOf(tenant: string, limits: SlotLimits): PoolTenant {
    let state = this.#tenants.get(tenant)
    if (state === undefined) {
      state = new PoolTenant(tenant, limits, this.#clock)
      this.#tenants.set(tenant, state)
    }
    state.update(limits)
    return state
  }

  /** See `Instances`. */
  keepBlank(module: GuestModule): void {
    this.#instances.keepBlank(module)
  }

  /** See `Instances`. */
  makeSpares(spares: Spares): Promise<void> {
    return this.#instances.makeSpares(spares)
  }

  /** Runs it to its end, beginning now or when it can; it is told of its end, or why it was not run. */
  run(run: PoolRun): void {
    const { state } = run
    if (this.#isStopping) this.refuse(run, state.slots.stoppingError())
    else if (this.#runQueue.mayRun(state.account)) this.#enter(run)
    else if (state.mayWait) this.#awaitThread(run)
    else {
      state.countWait()
      this.refuse(run, state.slots.fullError(state.waiting))
    }
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
  countSlow(state: PoolTenant): void {
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
    this.#instances.stop()
    for (const { slots, arriving, arrivalTimer } of this.#tenants.values()) {
      arrivalTimer?.cancel()
      slots.refuseAll()
      for (const run of [...arriving]) {
        arriving.delete(run)
        run.refused(slots.stoppingError())
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

  /** Those that have waited for the thread for as long as they may. */
  #refuseLate(state: PoolTenant): void {
    const { arriving, slots, limits } = state
    state.arrivalTimer = undefined
    const lateMs = this.#clock.nowMs() - limits.queueTimeoutMs
    let nextMs = Number.POSITIVE_INFINITY
    for (const run of arriving) {
      if (run.askedMs > lateMs) nextMs = Math.min(nextMs, run.askedMs - lateMs)
      else {
        arriving.delete(run)
        run.refused(slots.timeoutError())
      }
    }
    if (nextMs === Number.POSITIVE_INFINITY) return
    state.arrivalTimer = this.#clock.after(nextMs, () => this.#refuseLate(state))
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
    const { state } = run
    const held = this.#take(run)
    if (held === undefined) return
    this.#capacity.begin(held)
    const nowMs = this.#clock.nowMs()
    run.queuedMs = run.phase === 'new' ? 0 : nowMs - run.askedMs
    run.phase = 'running'
    run.held = held
    held.isRunning = true
    held.requests += 1
    held.startedMs = nowMs
    run.describe(held.subject)
    held.sizing = run.sizing
    held.maxRequests = run.maxRequests
    state.countStart(run.queuedMs)
    run.onStart()
    const reason = this.#isStopping ? 'stopping' : run.stoppedFor
    if (reason === undefined) held.instance.start(run, run)
    else this.end(run, { outcome: { kind: 'killed', reason }, ...NEVER_RAN })
  }

  /** Undefined: its module cannot be instantiated, and it has been told so. */
  #take(run: PoolRun): PooledInstance | undefined {
    try {
      return this.#instances.take(run)
    } catch (error) {
      run.phase = 'over'
      run.settle(0)
      this.#capacity.leave(run.state)
      run.notRun(error)
      return undefined
    }
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
    this.#instances.giveBack(held)
    this.#capacity.leave(run.state)
  }
}
