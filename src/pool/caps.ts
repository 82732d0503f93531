/**
 * What all tenants of a worker may have together: instances and linear memory. Idle instances give way first, those of the
 * tenant that has been quiet for longest; then requests wait in their tenants' queues, and whoever ends lets the next one
 * in, one tenant after the other.
 */
import type { Instance } from '../guest/engine.ts'
import type { GuestModule } from '../guest/module.ts'
import type { TenantState } from './tenant-state.ts'
import { DEFAULT_WARM_LIMITS, WarmInstances, type WarmLimits } from './warm-instances.ts'

export interface PoolCaps {
  /** Instances, idle ones included; `Infinity`: no limit. */
  readonly instances: number
  /** Linear memory of all instances, in bytes; `Infinity`: no limit. One request may run whatever it needs. */
  readonly memoryBytes: number
  readonly warm: WarmLimits
}

export const NO_CAPS: PoolCaps = {
  instances: Number.POSITIVE_INFINITY,
  memoryBytes: Number.POSITIVE_INFINITY,
  warm: DEFAULT_WARM_LIMITS,
}

export class Capacity {
  readonly warm: WarmInstances
  #caps: PoolCaps
  /** Requests that have a slot: they run, or are about to. */
  #admitted = 0
  /** What each running instance is going to need, in bytes. */
  readonly #running = new Map<Instance, number>()
  /** The most memory an instance of a module has had: what the next run of it is expected to need. */
  readonly #needs = new WeakMap<GuestModule, number>()
  /** Tenants whose requests wait for room, in order of their next turn. */
  readonly #held = new Set<TenantState>()
  /** Tenants by when they last left an instance idle, longest ago first. */
  readonly #quiet = new Set<string>()

  constructor(caps: PoolCaps = NO_CAPS) {
    this.#caps = caps
    const current = (): WarmLimits => this.#caps.warm
    this.warm = new WarmInstances({
      get total() {
        return current().total
      },
      get bytes() {
        return current().bytes
      },
    })
  }

  get running(): Iterable<Instance> {
    return this.#running.keys()
  }

  /** Takes effect at once for idle instances and for whoever waits; what runs goes on. */
  set caps(caps: PoolCaps) {
    this.#caps = caps
    this.#makeRoom(0, 0)
    while (this.warm.count > caps.warm.total || this.warm.bytes > caps.warm.bytes) {
      if (!this.#evictOne()) break
    }
    this.#admitHeld()
  }

  /** Takes a slot of the tenant, if it has one and there is room for one more. */
  tryEnter(state: TenantState, module: GuestModule): boolean {
    state.needBytes = this.#needs.get(module) ?? 0
    if (this.#isBounded) {
      this.#admitHeld()
      if (this.#held.size > 0 || !this.#hasRoom(state.needBytes)) {
        this.#hold(state)
        return false
      }
    }
    return this.track(state, () => state.slots.tryAcquire())
  }

  /** Waits for a slot and for room; see `Slots.acquire`. */
  enter(state: TenantState, onAbort: (giveUp: () => void) => void): Promise<void> {
    return this.track(state, () => state.slots.acquire(onAbort))
  }

  /** Gives the slot back. */
  leave(state: TenantState): void {
    // Else the slot would go to the tenant's own next request, before those that have waited for longer.
    if (this.#isBounded && state.slots.waiting > 0) this.#hold(state)
    this.track(state, () => state.slots.release())
    this.#admitHeld()
  }

  /** Does what may admit requests of the tenant, and counts them. */
  track<Result>({ slots }: TenantState, action: () => Result): Result {
    const before = slots.active
    const result = action()
    this.#admitted += slots.active - before
    return result
  }

  /** To be called before an instance is made for a request. */
  beforeMake(module: GuestModule): void {
    this.#makeRoom(1, this.#needs.get(module) ?? 0)
  }

  /** Whether one more may be made ahead of need. */
  hasSpareRoom(module: GuestModule): boolean {
    return (
      this.#running.size + this.warm.count < this.#caps.instances &&
      this.#usedBytes() + (this.#needs.get(module) ?? 0) <= this.#caps.memoryBytes
    )
  }

  begin(instance: Instance, module: GuestModule): void {
    this.#running.set(instance, this.#needs.get(module) ?? 0)
    this.#makeRoom(0, 0)
  }

  end(instance: Instance, module: GuestModule): void {
    this.#running.delete(instance)
    const needBytes = Math.max(this.#needs.get(module) ?? 0, instance.memoryBytes)
    this.#needs.set(module, needBytes)
  }

  /** To be called before an instance of `tenant` becomes idle. False: there is no room for it. */
  beforeKeep(instance: Instance, tenant: string): boolean {
    this.#quiet.delete(tenant)
    this.#quiet.add(tenant)
    const { instances, memoryBytes } = this.#caps
    return (
      this.#running.size + this.warm.count < instances &&
      (memoryBytes === Number.POSITIVE_INFINITY ||
        this.#usedBytes() + instance.memoryBytes <= memoryBytes)
    )
  }

  get #isBounded(): boolean {
    const { instances, memoryBytes } = this.#caps
    return instances !== Number.POSITIVE_INFINITY || memoryBytes !== Number.POSITIVE_INFINITY
  }

  /** Idle instances do not count: they give way. */
  #hasRoom(needBytes: number): boolean {
    const { instances, memoryBytes } = this.#caps
    if (this.#admitted === 0) return true
    if (this.#admitted >= instances) return false
    if (memoryBytes === Number.POSITIVE_INFINITY) return true
    const starting = this.#admitted - this.#running.size
    return this.#runningBytes() + (starting + 1) * needBytes <= memoryBytes
  }

  #makeRoom(count: number, bytes: number): void {
    if (!this.#isBounded) return
    const { instances, memoryBytes } = this.#caps
    const isOver = (): boolean =>
      this.#running.size + this.warm.count + count > instances ||
      this.#usedBytes() + bytes > memoryBytes
    while (isOver() && this.#evictOne());
  }

  #evictOne(): boolean {
    for (const tenant of this.#quiet) {
      if (this.warm.countOf(tenant) > 0) {
        this.warm.dropOne(tenant)
        return true
      }
      this.#quiet.delete(tenant)
    }
    return false
  }

  #usedBytes(): number {
    return this.#caps.memoryBytes === Number.POSITIVE_INFINITY
      ? 0
      : this.#runningBytes() + this.warm.bytes
  }

  #runningBytes(): number {
    let bytes = 0
    for (const [instance, needBytes] of this.#running) {
      bytes += Math.max(instance.memoryBytes, needBytes)
    }
    return bytes
  }

  #hold(state: TenantState): void {
    state.hold()
    this.#held.add(state)
  }

  #admitHeld(): void {
    for (const state of this.#held) {
      const { slots } = state
      if (slots.waiting > 0) {
        // Strictly in turn, or those that need much would never find room.
        if (!this.#hasRoom(state.needBytes)) return
        const activeBefore = slots.active
        this.track(state, () => state.admitOne())
        this.#held.delete(state)
        if (slots.active > activeBefore && slots.waiting > 0) {
          this.#held.add(state)
          continue
        }
      }
      // Nobody waits any more, or only for a slot of the tenant's own.
      this.#held.delete(state)
      this.track(state, () => state.lift())
    }
  }
}
