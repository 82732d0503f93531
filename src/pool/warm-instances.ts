/**
 * Instances that wait for their next request, by handler; least recently used ones go first when there are too many or
 * they hold too much memory.
 */

import type { IdleCount, Place, PooledInstance } from './pooled-instance.ts'

export interface WarmLimits {
  /** Idle instances in all: each takes about 10 GB of address space, of which a process has some 128 TB. */
  readonly total: number
  /** Linear memory of all idle instances together, in bytes. */
  readonly bytes: number
  /** Mappings of the process of all idle instances together. Default: `MAX_MAPPINGS`. */
  readonly mappings?: number
}

/** A process may have 65,530 on Linux, and V8 ends it when it gets no more. */
export const MAX_MAPPINGS = 45_000

export const DEFAULT_WARM_LIMITS: WarmLimits = {
  total: 10_500,
  bytes: 4 * 1024 * 1024 * 1024,
}

export class WarmInstances {
  readonly #limits: WarmLimits
  /** A list through all of them, least recently used first. */
  #oldest: PooledInstance | undefined
  #newest: PooledInstance | undefined
  #count = 0
  #bytes = 0
  #mappings = 0
  #evicted = 0

  constructor(limits: WarmLimits = DEFAULT_WARM_LIMITS) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Instances dropped to keep a limit of all tenants together, since the start. */
  get evicted(): number {
    return this.#evicted
  }

  /** All of them, those unused for longest first. */
  *[Symbol.iterator](): Iterator<PooledInstance> {
    let next = this.#oldest
    while (next !== undefined) {
      const { newer } = next
      yield next
      next = newer
    }
  }

  /** Idle instances of a tenant. */
  countOf(tenant: string): number {
    return this.instancesOf(tenant).length
  }

  /** Idle instances of a tenant, those unused for longest first. */
  instancesOf(tenant: string): PooledInstance[] {
    return [...this].filter(({ place }) => place.owner.tenant === tenant)
  }

  /** The instance of a handler that was used last. */
  take(place: Place): PooledInstance | undefined {
    const idle = place.idle.pop()
    if (idle !== undefined) this.#forget(idle)
    return idle
  }

  /** Keeps `one` until `expiresMs` on the clock that `expire` is told. */
  put(one: PooledInstance, expiresMs: number): void {
    one.idleBytes = one.instance.memoryBytes
    one.idleMappings = one.instance.mappings
    one.expiresMs = expiresMs
    one.isResting = false
    one.place.idle.push(one)
    one.place.owner.idle += 1
    one.older = this.#newest
    if (this.#newest === undefined) this.#oldest = one
    else this.#newest.newer = one
    this.#newest = one
    this.#count += 1
    this.#bytes += one.idleBytes
    this.#mappings += one.idleMappings
    while (this.#isOver) if (!this.evictOldest()) return
  }

  /** Those that nobody has wanted since `beforeMs`, and that are in their first state. */
  unused(beforeMs: number): PooledInstance[] {
    return [...this].filter(
      ({ isResting, endedMs, sizing }) =>
        !isResting && endedMs < beforeMs && sizing?.lifetime === 'reset',
    )
  }

  /** Lets it rest, unless somebody has taken it meanwhile. */
  rest(one: PooledInstance): void {
    if (one.isResting || !one.place.idle.includes(one)) return
    one.isResting = true
    one.instance.rest()
    this.#bytes -= one.idleBytes
    one.idleBytes = one.instance.memoryBytes
    this.#bytes += one.idleBytes
  }

  /** Drops the tenant's instance that was idle for longest. */
  dropOne(owner: IdleCount): void {
    for (const idle of this) {
      if (idle.place.owner !== owner) continue
      this.#drop(idle)
      return
    }
  }

  /** Drops what may not be kept any longer. */
  expire(nowMs: number): void {
    for (const idle of this) if (idle.expiresMs <= nowMs) this.#drop(idle)
  }

  /** Drops every idle instance of a tenant. */
  dropTenant(tenant: string): void {
    for (const idle of this) if (idle.place.owner.tenant === tenant) this.#drop(idle)
  }

  /** Drops the one that was idle for longest. False: there is none. */
  evictOldest(): boolean {
    const oldest = this.#oldest
    if (oldest === undefined) return false
    this.#evicted += 1
    this.#drop(oldest)
    return true
  }

  get #isOver(): boolean {
    const { total, bytes, mappings = MAX_MAPPINGS } = this.#limits
    return this.#count > total || this.#bytes > bytes || this.#mappings > mappings
  }

  #drop(idle: PooledInstance): void {
    const { idle: sameHandler } = idle.place
    sameHandler.splice(sameHandler.indexOf(idle), 1)
    this.#forget(idle)
  }

  #forget(idle: PooledInstance): void {
    const { older, newer } = idle
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    idle.older = undefined
    idle.newer = undefined
    this.#count -= 1
    this.#bytes -= idle.idleBytes
    this.#mappings -= idle.idleMappings
    idle.place.owner.idle -= 1
  }
}
