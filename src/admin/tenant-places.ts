/** How many of a kind may be under way, in all and of each tenant: verifying takes a processor and much memory, a reader of logs files. */
import { AdminError } from './errors.ts'

export interface TenantPlacesOptions {
  /** What is done, for the message: `publish`. */
  readonly doing: string
  /** What is counted, for the message: `publications`. */
  readonly things: string
  readonly inAll: number
  readonly ofTenant: number
}

export class TenantPlaces {
  readonly #options: TenantPlacesOptions
  readonly #taken = new Map<string, number>()

  constructor(options: TenantPlacesOptions) {
    this.#options = options
  }

  /** Those that are taken. */
  get total(): number {
    return [...this.#taken.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Takes a place; returns how to give it back, once. `tenant`: empty for the operator. Throws ADMIN_BUSY. */
  take(tenant: string): () => void {
    const own = this.#taken.get(tenant) ?? 0
    const { inAll, ofTenant } = this.#options
    if (own >= ofTenant && tenant !== '') throw this.#busy(`${own} of tenant ${tenant}`, ofTenant)
    if (this.total >= inAll) throw this.#busy(`${this.total}`, inAll)
    this.#taken.set(tenant, own + 1)
    return () => {
      const left = (this.#taken.get(tenant) ?? 1) - 1
      if (left > 0) this.#taken.set(tenant, left)
      else this.#taken.delete(tenant)
    }
  }

  #busy(underWay: string, wanted: number): AdminError {
    const { doing, things } = this.#options
    return new AdminError(
      'ADMIN_BUSY',
      `Cannot ${doing} now: ${underWay} ${things} are under way, wanted fewer than ${wanted}; try again`,
    )
  }
}
