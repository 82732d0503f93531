/**
 * Instances that wait for their next request, by handler; least recently used ones go first when there are too many or
 * they hold too much memory.
 */
import type { Instance } from '../guest/engine.ts'

export interface WarmLimits {
  /** Idle instances in all: each takes about 10 GB of address space, of which a process has some 128 TB. */
  readonly total: number
  /** Linear memory of all idle instances together, in bytes. */
  readonly bytes: number
}

export const DEFAULT_WARM_LIMITS: WarmLimits = {
  total: 10_500,
  bytes: 4 * 1024 * 1024 * 1024,
}

export interface Place {
  readonly tenant: string
  /** The handler: tenants never share an instance. */
  readonly key: string
}

interface Idle extends Place {
  readonly instance: Instance
  readonly bytes: number
  readonly expiresMs: number
}

export class WarmInstances {
  readonly #limits: WarmLimits
  readonly #byKey = new Map<string, Idle[]>()
  readonly #perTenant = new Map<string, number>()
  /** Least recently used first. */
  readonly #order = new Set<Idle>()
  #bytes = 0
  #evicted = 0

  constructor(limits: WarmLimits = DEFAULT_WARM_LIMITS) {
    this.#limits = limits
  }

  get count(): number {
    return this.#order.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Instances dropped to keep a limit of all tenants together, since the start. */
  get evicted(): number {
    return this.#evicted
  }

  /** Idle instances of a tenant. */
  countOf(tenant: string): number {
    return this.#perTenant.get(tenant) ?? 0
  }

  /** Idle instances of a tenant, those unused for longest first. */
  instancesOf(tenant: string): Instance[] {
    return [...this.#order].filter((idle) => idle.tenant === tenant).map(({ instance }) => instance)
  }

  /** The instance of handler `key` that was used last. */
  take(key: string): Instance | undefined {
    const idle = this.#byKey.get(key)?.pop()
    if (idle === undefined) return undefined
    this.#forget(idle)
    return idle.instance
  }

  /** Keeps `instance` until `expiresMs` on the clock that `expire` is told. */
  put(instance: Instance, place: Place, expiresMs: number): void {
    const { tenant, key } = place
    const idle: Idle = { instance, tenant, key, bytes: instance.memoryBytes, expiresMs }
    const sameHandler = this.#byKey.get(key)
    if (sameHandler === undefined) this.#byKey.set(key, [idle])
    else sameHandler.push(idle)
    this.#order.add(idle)
    this.#perTenant.set(tenant, this.countOf(tenant) + 1)
    this.#bytes += idle.bytes
    while (this.#order.size > this.#limits.total || this.#bytes > this.#limits.bytes) {
      this.#evictOldest()
    }
  }

  /** Drops the tenant's instance that was idle for longest. */
  dropOne(tenant: string): void {
    for (const idle of this.#order) {
      if (idle.tenant !== tenant) continue
      this.#drop(idle)
      return
    }
  }

  /** Drops what may not be kept any longer. */
  expire(nowMs: number): void {
    for (const idle of this.#order) if (idle.expiresMs <= nowMs) this.#drop(idle)
  }

  /** Drops every idle instance of a tenant. */
  dropTenant(tenant: string): void {
    for (const idle of this.#order) if (idle.tenant === tenant) this.#drop(idle)
  }

  #evictOldest(): void {
    for (const oldest of this.#order) {
      this.#evicted += 1
      this.#drop(oldest)
      return
    }
  }

  #drop(idle: Idle): void {
    const sameHandler = this.#byKey.get(idle.key)
    sameHandler?.splice(sameHandler.indexOf(idle), 1)
    this.#forget(idle)
  }

  #forget(idle: Idle): void {
    this.#order.delete(idle)
    this.#bytes -= idle.bytes
    const left = this.countOf(idle.tenant) - 1
    if (left === 0) this.#perTenant.delete(idle.tenant)
    else this.#perTenant.set(idle.tenant, left)
    if (this.#byKey.get(idle.key)?.length === 0) this.#byKey.delete(idle.key)
  }
}
