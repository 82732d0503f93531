/** A tenant as one of its handlers finds it: with what `[[tenant.handlers]]` says of that one. */
import type { TenantConfig } from './config.ts'

/** `handler`: its path below `root`, or the name it was published under. */
export function tenantFor(tenant: TenantConfig, handler: string): TenantConfig {
  const own = tenant.handlers.find(({ name }) => name === handler)
  if (own === undefined) return tenant
  return {
    ...tenant,
    lifetime: own.lifetime ?? tenant.lifetime,
    env: { ...tenant.env, ...own.env },
    limits: { ...tenant.limits, ...own.limits },
  }
}
