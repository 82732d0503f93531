/** One tenant's status over all of its workers. */
import { mergeTold } from '../../gateway/status/merge-told.ts'
import type { PoolStatus } from '../../gateway/status/pool-status.ts'
import type { TenantStatuses } from '../../master/server-status.ts'

export interface TenantStatus {
  readonly tenant: string
  readonly pool: string
  /** Undefined: no worker has answered. */
  readonly status: PoolStatus | undefined
}

export function tenantStatus({ tenant, pool, statuses }: TenantStatuses): TenantStatus {
  return { tenant, pool, status: mergeTold(tenant, statuses) }
}
