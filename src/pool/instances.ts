/**
 * The instances of all handlers of a worker: one is taken for each run, and put back when it has ended. Who needs one that is not
 * there makes it; where nobody wants the thread, some are made ahead of need.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Instance } from '../guest/engine.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { BlankInstances, makeInstance } from '../guest/make-instance.ts'
import type { Capacity } from './caps.ts'
import type { PoolRun } from './pool-run.ts'
import type { PoolTenant } from './pool-tenant.ts'
import { type Place, PooledInstance } from './pooled-instance.ts'
import type { RunQueue } from './run-queue.ts'
import { idleLimit, idleTimeoutMs, instancesToMake, type Sizing } from './sizing.ts'
import type { WarmInstances } from './warm-instances.ts'

/** What is done for a request beside its guest costs its tenant this much at most, in milliseconds. */
const MOST_CHARGED_MS = 1

/** How often idle instances are looked at, in milliseconds. */
const EXPIRE_INTERVAL_MS = 1000

/** From when on an idle one rests, in milliseconds: what it has written to then costs its next run more than a copy would. */
const RESTING_MS = 3000
/** So many begin to rest between two looks. */
const RESTED_AT_A_LOOK = 100

/** How long after one is missing another blank instance is made, in milliseconds: what follows a first request comes soon. */
const BLANK_PAUSE_MS = 20

/** By how much `max_requests` is shortened at random, so that instances made together do not end together. */
const MAX_REQUESTS_JITTER = 0.1

export interface InstancesOptions {
  readonly clock: Clock
  readonly capacity: Capacity
  readonly runQueue: RunQueue
  /** By name. */
  readonly tenants: ReadonlyMap<string, PoolTenant>
}

export class Instances {
  readonly #clock: Clock
  readonly #capacity: Capacity
  readonly #runQueue: RunQueue
  readonly #tenants: ReadonlyMap<string, PoolTenant>
  readonly #warm: WarmInstances
  /** Where instances are that still have to be put back; a place may be there twice. */
  readonly #used: Place[] = []
  readonly #blanks: BlankInstances
  #blankTimer: Timer | undefined
  #expireTimer: Timer | undefined
  #isStopping = false

  constructor({ clock, capacity, runQueue, tenants }: InstancesOptions) {
    this.#clock = clock
    this.#capacity = capacity
    this.#runQueue = runQueue
    this.#tenants = tenants
    this.#warm = capacity.warm
    this.#blanks = new BlankInstances(clock)
  }

  /** An instance of the run's handler, in its first state (or its latest, where it is kept). */
  take(run: PoolRun): PooledInstance {
    const place = run.state.places.find(run.module, run.engine, run.placeName)
    const taken =
      this.#takeHot(place) ??
      this.#warm.take(place) ??
      this.#takeUsed(place) ??
      this.#takeOutdated(run, place) ??
      this.#makeNow(run, place)
    place.owner.busy += 1
    return taken
  }

  /** Instances of a runtime that has been booted are made ahead, for tenants that come for the first time. */
  keepBlank(module: GuestModule): void {
    this.#blanks.keep(module)
    this.#makeBlankLater()
  }

  /** Instances that nobody has asked for yet, as after a first use. Resolves when they are there, or there is no room. */
  async makeSpares({
    state,
    module,
    engine,
    placeName,
    sizing,
    maxRequests,
  }: Spares): Promise<void> {
    const place = state.places.find(module, engine, placeName)
    for (let made = 0; made < sizing.maxSpawnRate; made += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      const wanted = this.#countWanted(state, { sizing, isFirstUse: true })
      if (wanted === 0 || this.#isStopping || !this.#capacity.hasSpareRoom(module)) return
      this.#makeSpare({ module, place, maxRequests }, state, sizing)
    }
  }

  /**
   * Its run is over. Putting it back waits until the answers of this turn are on their way, unless somebody wants it before
   * that.
   */
  giveBack(one: PooledInstance): void {
    one.place.owner.busy -= 1
    one.place.used.push(one)
    this.#used.push(one.place)
    if (this.#used.length === 1) setImmediate(this.#putUsedBack)
  }

  /** Nothing is made or looked at from here on. */
  stop(): void {
    this.#isStopping = true
    this.#blankTimer?.cancel()
    this.#expireTimer?.cancel()
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

  /** What has just run has its memory in the processor's caches, and is put back sooner than another one comes there. */
  #takeHot(place: Place): PooledInstance | undefined {
    const lifetime = place.used.at(-1)?.sizing?.lifetime
    return lifetime === 'reset' ? this.#takeUsed(place) : undefined
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

  /** Of what the handler had before: its code is the same, and what it begins with another. */
  #takeOutdated({ module, state }: PoolRun, place: Place): PooledInstance | undefined {
    const { before } = state.places
    const outdated = before?.idle.at(-1)
    const isSame = outdated?.module.module === module.module && place.engine === 'own'
    if (before === undefined || !isSame || outdated.sizing?.lifetime !== 'reset') return undefined
    const { instance } = outdated
    if (module.first === undefined || instance.become === undefined) return undefined
    this.#warm.take(before)
    const fromMs = this.#clock.nowMs()
    try {
      instance.become(module, place)
    } catch {
      return undefined // its memory has grown
    } finally {
      this.#chargeSince(fromMs, state)
    }
    return new PooledInstance(instance, { module, place, nowMs: this.#clock.nowMs() })
  }

  #makeNow({ module, state }: PoolRun, place: Place): PooledInstance {
    const fromMs = this.#clock.nowMs()
    this.#capacity.beforeMake(module)
    const blank = this.#blanks.take(module, place)
    if (this.#blanks.areWanted) this.#makeBlankLater()
    const made = this.#make(module, place, state, blank)
    made.isNew = true
    this.#chargeSince(fromMs, state)
    return made
  }

  #makeBlankLater(): void {
    if (this.#isStopping) return
    this.#blankTimer ??= this.#clock.after(BLANK_PAUSE_MS, () => {
      this.#blankTimer = undefined
      const isBusy = this.#runQueue.waiting > 0
      if (!isBusy) this.#blanks.makeOne((module) => this.#capacity.hasSpareRoom(module))
      if (this.#blanks.areWanted) this.#makeBlankLater()
    })
  }

  /** What is done for a request before and after its guest runs is its tenant's to pay, too. Answers the time. */
  #chargeSince(fromMs: number, state: PoolTenant | undefined): number {
    const nowMs = this.#clock.nowMs()
    if (state !== undefined) {
      this.#runQueue.charge(state.account, Math.min(nowMs - fromMs, MOST_CHARGED_MS))
    }
    return nowMs
  }

  #make(
    module: GuestModule,
    place: Place,
    { counters }: PoolTenant,
    blank?: Instance,
  ): PooledInstance {
    counters.instancesMade += 1
    const order = { engine: place.engine, module, clock: this.#clock, owner: place }
    const instance = blank ?? makeInstance(order)
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
    if (sizing === undefined) return
    if (owner.idle >= idleLimit(sizing, owner.busy)) this.#warm.dropOne(owner)
    if (!this.#capacity.beforeKeep(one)) return
    const timeoutMs = idleTimeoutMs(sizing)
    const isForGood = timeoutMs === Number.POSITIVE_INFINITY
    this.#warm.put(one, isForGood ? timeoutMs : this.#clock.nowMs() + timeoutMs)
    this.#expireLater()
  }

  /** Instances made while nobody wants the thread are there when somebody does. One a turn of the event loop. */
  #makeAhead(like: PooledInstance, state: PoolTenant, isFirstUse: boolean): void {
    const { sizing } = like
    if (sizing === undefined) return
    if (sizing.pm === 'ondemand' && sizing.lifetime !== 'fresh') return
    this.#makeOneAhead(like, state, { sizing, isFirstUse, most: sizing.maxSpawnRate })
  }

  #makeOneAhead(like: PooledInstance, state: PoolTenant, spawning: Spawning): void {
    const { sizing, isFirstUse, most } = spawning
    if (this.#countWanted(state, spawning) === 0) return
    setImmediate(() => {
      const { place, module } = like
      const wanted = this.#countWanted(state, spawning)
      if (wanted === 0 || this.#isStopping || this.#runQueue.waiting > 0) return
      if (!this.#capacity.hasSpareRoom(module)) return
      this.#makeSpare({ module, place, maxRequests: like.maxRequests }, state, sizing)
      if (wanted > 1 && most > 1)
        this.#makeOneAhead(like, state, { sizing, isFirstUse, most: most - 1 })
    })
  }

  #makeSpare(
    { module, place, maxRequests }: Pick<PooledInstance, 'module' | 'place' | 'maxRequests'>,
    state: PoolTenant,
    sizing: Sizing,
  ): void {
    const made = this.#make(module, place, state)
    made.sizing = sizing
    made.maxRequests = maxRequests
    this.#keep(made)
  }

  #countWanted(
    { slots, places }: PoolTenant,
    { sizing, isFirstUse }: Omit<Spawning, 'most'>,
  ): number {
    const headcount = { active: slots.active, idle: places.owner.idle, isFirstUse }
    return instancesToMake(sizing, headcount)
  }

  #expire(): void {
    this.#expireTimer = undefined
    const nowMs = this.#clock.nowMs()
    this.#warm.expire(nowMs)
    this.#restNext(this.#warm.unused(nowMs - RESTING_MS))
    if (this.#warm.count > 0) this.#expireLater()
  }

  /** One in a turn of the event loop: it takes some 0.3 ms, which its tenant pays. What is left comes with the next look. */
  #restNext(unused: readonly PooledInstance[], at = 0): void {
    const next = at < RESTED_AT_A_LOOK ? unused[at] : undefined
    if (next === undefined || this.#isStopping) return
    const fromMs = this.#clock.nowMs()
    this.#warm.rest(next)
    this.#chargeSince(fromMs, this.#tenants.get(next.place.owner.tenant))
    setImmediate(() => this.#restNext(unused, at + 1))
  }

  #expireLater(): void {
    if (this.#isStopping) return
    this.#expireTimer ??= this.#clock.after(EXPIRE_INTERVAL_MS, () => this.#expire())
  }
}

/** Of a handler that has had no run. */
export type Spares = Pick<
  PoolRun,
  'state' | 'module' | 'engine' | 'placeName' | 'sizing' | 'maxRequests'
>

interface Spawning {
  readonly sizing: Sizing
  /** Of the handler. */
  readonly isFirstUse: boolean
  /** Instances to make, one after the other. */
  readonly most: number
}

function canRunAgain({ instance, module, sizing, maxRequests }: PooledInstance): boolean {
  if (maxRequests > 0) {
    const limit = Math.ceil(maxRequests * (1 - instance.jitter * MAX_REQUESTS_JITTER))
    if (instance.runs >= limit) return false
  }
  switch (sizing?.lifetime) {
    case 'reset':
      return instance.reset()
    case 'persistent':
      // A reactor that has called proc_exit is in the middle of something.
      return !instance.isSpent && (module.isReactor !== true || instance.hasReturned)
    default:
      return false
  }
}
