/** How many publications may be under way, in all and of each tenant: verifying takes a processor and much memory. */
import { AdminError } from './errors.ts'
import type { AdminLimits } from './limits.ts'

export class PublishSlots {
  readonly #limits: Pick<AdminLimits, 'publications' | 'tenantPublications'>
  readonly #taken = new Map<string, number>()

  constructor(limits: Pick<AdminLimits, 'publications' | 'tenantPublications'>) {
    this.#limits = limits
  }

  /** Publications under way. */
  get total(): number {
    return [...this.#taken.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Takes a place; returns how to give it back, once. Throws ADMIN_BUSY. */
  take(tenant: string): () => void {
    const own = this.#taken.get(tenant) ?? 0
    const { publications, tenantPublications } = this.#limits
    if (own >= tenantPublications) throw busy(`${own} of tenant ${tenant}`, tenantPublications)
    if (this.total >= publications) throw busy(`${this.total}`, publications)
    this.#taken.set(tenant, own + 1)
    return () => {
      const left = (this.#taken.get(tenant) ?? 1) - 1
      if (left > 0) this.#taken.set(tenant, left)
      else this.#taken.delete(tenant)
    }
  }
}

function busy(underWay: string, wanted: number): AdminError {
  return new AdminError(
    'ADMIN_BUSY',
    `Cannot publish now: ${underWay} publications are under way, wanted fewer than ${wanted}; try again`,
  )
}
