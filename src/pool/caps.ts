/**
 * What all tenants of a worker may have together: instances and linear memory. Idle instances give way first, those of the
 * tenant that has been quiet for longest; then requests wait in their tenants' queues, and whoever ends lets the next one
 * in, one tenant after the other.
 */
import type { GuestModule } from '../guest/guest-module.ts'
import type { PoolTenant } from './pool-tenant.ts'
import type { IdleCount, PooledInstance } from './pooled-instance.ts'
import type { SlotWaiter } from './slots.ts'
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
  #isBounded: boolean
  /** Requests that have a slot: they run, or are about to. */
  #admitted = 0
  readonly #running: PooledInstance[] = []
  /** The most memory an instance of a module has had: what the next run of it is expected to need. Kept while memory is bounded. */
  readonly #needs = new WeakMap<GuestModule, number>()
  /** Tenants whose requests wait for room, in order of their next turn. */
  readonly #held = new Set<PoolTenant>()
  /** Tenants by when they last left an instance idle, longest ago first. Kept while there are caps. */
  readonly #quiet = new Set<IdleCount>()

  constructor(caps: PoolCaps = NO_CAPS) {
    this.#caps = caps
    this.#isBounded = isBounded(caps)
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

  get running(): Iterable<PooledInstance> {
    return this.#running
  }

  /** Takes effect at once for idle instances and for whoever waits; what runs goes on. */
  set caps(caps: PoolCaps) {
    this.#caps = caps
    this.#isBounded = isBounded(caps)
    this.#makeRoom(0, 0)
    const { warm } = this
    while (warm.count > caps.warm.total || warm.bytes > caps.warm.bytes) {
      if (!this.#evictOne()) break
    }
    this.#admitHeld()
  }

  /** Takes a slot of the tenant, if it has one and there is room for one more. */
  tryEnter(state: PoolTenant, module: GuestModule): boolean {
    if (this.#isBounded) {
      state.needBytes = this.#needOf(module)
      this.#admitHeld()
      if (this.#held.size > 0 || !this.#hasRoom(state.needBytes)) {
        this.#hold(state)
        return false
      }
    }
    const isIn = state.slots.tryAcquire()
    if (isIn) this.#admitted += 1
    return isIn
  }

  /** Waits for a slot and for room; see `Slots.acquire`. The waiter says `entered` when it is admitted. */
  enter(state: PoolTenant, waiter: SlotWaiter, leftMs: number): void {
    state.slots.acquire(waiter, leftMs)
  }

  /** A waiter has been admitted. */
  entered(): void {
    this.#admitted += 1
  }

  /** Gives the slot back. */
  leave(state: PoolTenant): void {
    // Else the slot would go to the tenant's own next request, before those that have waited for longer.
    if (this.#isBounded && state.slots.waiting > 0) this.#hold(state)
    this.#admitted -= 1
    state.slots.release()
    if (this.#held.size > 0) this.#admitHeld()
  }

  /** To be called before an instance is made for a request. */
  beforeMake(module: GuestModule): void {
    if (this.#isBounded) this.#makeRoom(1, this.#needOf(module))
  }

  /** Whether one more may be made ahead of need. */
  hasSpareRoom(module: GuestModule): boolean {
    return (
      this.#running.length + this.warm.count < this.#caps.instances &&
      this.#usedBytes() + this.#needOf(module) <= this.#caps.memoryBytes
    )
  }

  begin(one: PooledInstance): void {
    one.runningAt = this.#running.length
    this.#running.push(one)
    if (!this.#isBounded) return
    one.needBytes = this.#needOf(one.module)
    this.#makeRoom(0, 0)
  }

  end(one: PooledInstance): void {
    const last = this.#running.pop()
    if (last !== undefined && last !== one) {
      last.runningAt = one.runningAt
      this.#running[one.runningAt] = last
    }
    one.runningAt = -1
    if (!this.#isBounded) return
    const needBytes = Math.max(this.#needOf(one.module), one.instance.memoryBytes)
    this.#needs.set(one.module, needBytes)
  }

  /** To be called before an instance becomes idle. False: there is no room for it. */
  beforeKeep({ instance, place }: PooledInstance): boolean {
    if (!this.#isBounded) return true
    this.#quiet.delete(place.owner)
    this.#quiet.add(place.owner)
    const { instances, memoryBytes } = this.#caps
    return (
      this.#running.length + this.warm.count < instances &&
      (memoryBytes === Number.POSITIVE_INFINITY ||
        this.#usedBytes() + instance.memoryBytes <= memoryBytes)
    )
  }

  #needOf(module: GuestModule): number {
    return this.#needs.get(module) ?? 0
  }

  /** Idle instances do not count: they give way. */
  #hasRoom(needBytes: number): boolean {
    const { instances, memoryBytes } = this.#caps
    if (this.#admitted === 0) return true
    if (this.#admitted >= instances) return false
    if (memoryBytes === Number.POSITIVE_INFINITY) return true
    const starting = this.#admitted - this.#running.length
    return this.#runningBytes() + (starting + 1) * needBytes <= memoryBytes
  }

  #makeRoom(count: number, bytes: number): void {
    if (!this.#isBounded) return
    const { instances, memoryBytes } = this.#caps
    const isOver = (): boolean =>
      this.#running.length + this.warm.count + count > instances ||
      this.#usedBytes() + bytes > memoryBytes
    while (isOver() && this.#evictOne());
  }

  /** Those that nobody has noted, before there were caps, go by their own age. */
  #evictOne(): boolean {
    for (const owner of this.#quiet) {
      if (owner.idle > 0) {
        this.warm.dropOne(owner)
        return true
      }
      this.#quiet.delete(owner)
    }
    return this.warm.evictOldest()
  }

  #usedBytes(): number {
    return this.#caps.memoryBytes === Number.POSITIVE_INFINITY
      ? 0
      : this.#runningBytes() + this.warm.bytes
  }

  #runningBytes(): number {
    let bytes = 0
    for (const { instance, needBytes } of this.#running) {
      bytes += Math.max(instance.memoryBytes, needBytes)
    }
    return bytes
  }

  #hold(state: PoolTenant): void {
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
        state.admitOne()
        this.#held.delete(state)
        if (slots.active > activeBefore && slots.waiting > 0) {
          this.#held.add(state)
          continue
        }
      }
      // Nobody waits any more, or only for a slot of the tenant's own.
      this.#held.delete(state)
      state.lift()
    }
  }
}

function isBounded({ instances, memoryBytes }: PoolCaps): boolean {
  return instances !== Number.POSITIVE_INFINITY || memoryBytes !== Number.POSITIVE_INFINITY
}
