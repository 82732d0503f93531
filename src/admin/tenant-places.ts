/**
 * How many of a kind may be under way, in all and of each tenant. What operators do is counted apart: however many tenants have
 * taken all places, there is one for whoever looks into it.
 */
import { AdminError } from './errors.ts'

export interface TenantPlacesOptions {
  /** What is done, for the message: `publish`. */
  readonly doing: string
  /** What is counted, for the message: `publications`. */
  readonly things: string
  /** Of all tenants together, and once more of operators. */
  readonly inAll: number
  readonly ofTenant: number
}

export class TenantPlaces {
  readonly #options: TenantPlacesOptions
  readonly #taken = new Map<string, number>()

  constructor(options: TenantPlacesOptions) {
    this.#options = options
  }

  /** Those that tenants have taken. */
  get total(): number {
    const all = [...this.#taken.values()].reduce((sum, count) => sum + count, 0)
    return all - this.#ofOperators
  }

  get #ofOperators(): number {
    return this.#taken.get('') ?? 0
  }

  /** Takes a place; returns how to give it back, once. `tenant`: empty for an operator. Throws ADMIN_BUSY. */
  take(tenant: string): () => void {
    const own = this.#taken.get(tenant) ?? 0
    const { inAll, ofTenant } = this.#options
    if (own >= ofTenant && tenant !== '') throw this.#busy(own, ` of ${tenant}`, ofTenant)
    const others = tenant === '' ? own : this.total
    if (others >= inAll) throw this.#busy(others, '', inAll)
    this.#taken.set(tenant, own + 1)
    return () => {
      const left = (this.#taken.get(tenant) ?? 1) - 1
      if (left > 0) this.#taken.set(tenant, left)
      else this.#taken.delete(tenant)
    }
  }

  #busy(count: number, whose: string, wanted: number): AdminError {
    const { doing, things } = this.#options
    return new AdminError(
      'ADMIN_BUSY',
      `Cannot ${doing} now: ${count} ${things}${whose} are under way, wanted fewer than ${wanted}; try again`,
    )
  }
}
