/**
 * Whose module is read and compiled next. Tenants take turns, one module at a time each, so that nobody waits for all that
 * another one wants; small modules never wait for large ones, and of large ones there is one in memory at a time.
 */
import { GuestError } from './errors.ts'

/** Up to this size a module takes less than a tenth of a second. */
export const SMALL_MODULE_BYTES = 1024 * 1024

export interface LoadLimits {
  /** Small modules that are loaded at once, each of another tenant. */
  readonly smallAtOnce: number
  /** Large ones. */
  readonly largeAtOnce: number
  /** Modules of a tenant that may wait for their turn. */
  readonly waiting: number
}

export const DEFAULT_LOAD_LIMITS: LoadLimits = { smallAtOnce: 2, largeAtOnce: 1, waiting: 64 }

export class LoadTurns {
  readonly #small: Lane
  readonly #large: Lane

  constructor({ smallAtOnce, largeAtOnce, waiting }: LoadLimits = DEFAULT_LOAD_LIMITS) {
    this.#small = new Lane(smallAtOnce, waiting)
    this.#large = new Lane(largeAtOnce, waiting)
  }

  /** Calls `load` when it is the tenant's turn; `bytes`: of the module. Rejects as `load` does, or with GUEST_LOADS_WAITING. */
  take<Result>(tenant: string, bytes: number, load: () => Promise<Result>): Promise<Result> {
    return (bytes <= SMALL_MODULE_BYTES ? this.#small : this.#large).take(tenant, load)
  }
}

class Lane {
  readonly #atOnce: number
  readonly #maxWaiting: number
  /** By tenant, the one that has waited for longest for its turn first. */
  readonly #waiting = new Map<string, Array<() => void>>()
  readonly #loading = new Set<string>()

  constructor(atOnce: number, maxWaiting: number) {
    this.#atOnce = atOnce
    this.#maxWaiting = maxWaiting
  }

  async take<Result>(tenant: string, load: () => Promise<Result>): Promise<Result> {
    await this.#turn(tenant)
    try {
      return await load()
    } finally {
      this.#loading.delete(tenant)
      this.#toTheEnd(tenant)
      this.#startNext()
    }
  }

  #turn(tenant: string): Promise<void> | undefined {
    if (this.#loading.size < this.#atOnce && !this.#loading.has(tenant)) {
      this.#loading.add(tenant)
      return undefined
    }
    const queue = this.#waiting.get(tenant) ?? []
    if (queue.length >= this.#maxWaiting) throw tooMany(tenant, queue.length)
    this.#waiting.set(tenant, queue)
    return new Promise((start) => queue.push(start))
  }

  /** It has had its turn. */
  #toTheEnd(tenant: string): void {
    const queue = this.#waiting.get(tenant)
    if (queue === undefined) return
    this.#waiting.delete(tenant)
    this.#waiting.set(tenant, queue)
  }

  #startNext(): void {
    for (const [tenant, queue] of this.#waiting) {
      if (this.#loading.size >= this.#atOnce) return
      if (this.#loading.has(tenant)) continue
      this.#loading.add(tenant)
      queue.shift()?.()
      if (queue.length === 0) this.#waiting.delete(tenant)
    }
  }
}

function tooMany(tenant: string, waiting: number): GuestError {
  return new GuestError(
    'GUEST_LOADS_WAITING',
    `Cannot load a module of tenant ${tenant}: ${waiting} of its modules wait to be read and compiled already, at most as many may`,
  )
}
