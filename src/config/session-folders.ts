/** Where the sessions of tenants are: each has a folder of its own in the store, which the guests of its runtimes see. */
import { join } from 'node:path'
import type { Config, RuntimeConfig, SessionsConfig, TenantConfig } from './config.ts'
import { runtimesOf } from './runtime-use.ts'

/** Where guests of a tenant's `runtimes` look for it, but for what the operator has mounted there, or mounted writable above. */
export function sessionsOf(
  { mounts }: TenantConfig,
  runtimes: readonly RuntimeConfig[],
): readonly SessionsConfig[] {
  const isMounted = (place: string): boolean =>
    mounts.some(({ guest, writable }) => {
      const above = guest.replace(/\/+$/, '')
      return place === above || (writable && place.startsWith(`${above}/`))
    })
  const all = runtimes.flatMap(({ sessions }) => sessions ?? [])
  return all.filter(({ guest }) => !isMounted(guest))
}

/** `config`, with a folder of the store `store` for each tenant that needs one. */
export function withSessionFolders(config: Config, store: string): Config {
  const tenants = config.tenants.map((tenant) => {
    if (sessionsOf(tenant, runtimesOf(tenant, config.runtimes)).length === 0) return tenant
    return { ...tenant, sessionFolder: join(store, 'state', tenant.name, 'sessions') }
  })
  return { ...config, tenants }
}

/** The tenants whose sessions have no folder that outlives a request. */
export function tenantsWithoutSessions({ tenants, runtimes }: Config): readonly TenantConfig[] {
  return tenants.filter(
    (tenant) =>
      tenant.sessionFolder === undefined &&
      sessionsOf(tenant, runtimesOf(tenant, runtimes)).length > 0,
  )
}
