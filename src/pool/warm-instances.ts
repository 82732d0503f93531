/**
 * Instances that wait for their next request, by handler; least recently used ones go first when there are too many or
 * they hold too much memory.
 */
import type { GuestInstance } from '../guest/instance.ts'

export interface WarmLimits {
  /** Idle instances of one tenant. */
  readonly perTenant: number
  /** Idle instances in all: each takes about 10 GB of address space, of which a process has some 128 TB. */
  readonly total: number
  /** Linear memory of all idle instances together, in bytes. */
  readonly bytes: number
}

export const DEFAULT_WARM_LIMITS: WarmLimits = {
  perTenant: 64,
  total: 10_500,
  bytes: 4 * 1024 * 1024 * 1024,
}

interface Idle {
  readonly instance: GuestInstance
  readonly tenant: string
  readonly key: string
  readonly bytes: number
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

  /** Instances dropped to keep a limit, since the start. */
  get evicted(): number {
    return this.#evicted
  }

  /** The instance of handler `key` that was used last. */
  take(key: string): GuestInstance | undefined {
    const idle = this.#byKey.get(key)?.pop()
    if (idle === undefined) return undefined
    this.#forget(idle)
    return idle.instance
  }

  /** Keeps `instance` for `key`. */
  put(
    instance: GuestInstance,
    { tenant, key }: { readonly tenant: string; readonly key: string },
  ): void {
    const idle: Idle = { instance, tenant, key, bytes: instance.memoryBytes }
    if ((this.#perTenant.get(tenant) ?? 0) >= this.#limits.perTenant) {
      this.#evicted += 1
      return
    }
    const sameHandler = this.#byKey.get(key)
    if (sameHandler === undefined) this.#byKey.set(key, [idle])
    else sameHandler.push(idle)
    this.#order.add(idle)
    this.#perTenant.set(tenant, (this.#perTenant.get(tenant) ?? 0) + 1)
    this.#bytes += idle.bytes
    while (this.#order.size > this.#limits.total || this.#bytes > this.#limits.bytes)
      this.#evictOldest()
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
    const left = (this.#perTenant.get(idle.tenant) ?? 1) - 1
    if (left === 0) this.#perTenant.delete(idle.tenant)
    else this.#perTenant.set(idle.tenant, left)
    if (this.#byKey.get(idle.key)?.length === 0) this.#byKey.delete(idle.key)
  }
}
