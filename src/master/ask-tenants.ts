/** Asks workers about many tenants, a few at a time: a server may have thousands. */
import type { TenantStatuses } from './server-status.ts'

/** Tenants asked about at once, well below the rounds that a pool may have. */
const PARALLEL = 128

export interface AskedTenant {
  readonly tenant: string
  readonly pool: string
}

/** In the order of `tenants`. `ask` never rejects. */
export async function askTenants(
  tenants: readonly AskedTenant[],
  ask: (tenant: AskedTenant) => Promise<readonly string[]>,
): Promise<readonly TenantStatuses[]> {
  const answers = new Map<string, readonly string[]>()
  const waiting = tenants.values()
  const next = async (): Promise<void> => {
    for (const one of waiting) answers.set(one.tenant, await ask(one))
  }
  await Promise.all(Array.from({ length: PARALLEL }, next))
  return tenants.map((one) => ({ ...one, statuses: answers.get(one.tenant) ?? [] }))
}
