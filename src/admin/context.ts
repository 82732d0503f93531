/** What the endpoints work with. */
import type { Clock } from '../base/clock.ts'
import type { Turns } from '../base/turns.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import type { AdminSettings } from '../ipc/admin-messages.ts'
import type { DirectoryStore } from '../store/directory-store.ts'
import { AdminError } from './errors.ts'
import type { AdminLimits } from './limits.ts'
import type { MasterLink } from './master-link.ts'
import type { TenantPlaces } from './tenant-places.ts'
import type { TokenFile } from './token-file.ts'

export interface AdminContext {
  readonly clock: Clock
  readonly limits: AdminLimits
  readonly store: DirectoryStore
  readonly tokens: TokenFile
  readonly master: MasterLink
  /** Of uploads, from their first byte to the end of their publication. */
  readonly slots: TenantPlaces
  /** Of what is verified and compiled. */
  readonly turns: Turns
  /** Of readers of logs. */
  readonly readers: TenantPlaces
  /** As the master has sent it last. */
  readonly settings: () => AdminSettings<Config>
}

/** The tenant of this name. Throws ADMIN_UNKNOWN_TENANT, in the same words as for a tenant that the token may not see. */
export function tenantOf(context: AdminContext, name: string): TenantConfig {
  const tenant = context.settings().settings.tenants.find((one) => one.name === name)
  if (tenant === undefined) throw unknownTenant(name)
  return tenant
}

export function unknownTenant(name: string): AdminError {
  return new AdminError(
    'ADMIN_UNKNOWN_TENANT',
    `Cannot find tenant ${JSON.stringify(name)}: there is none that this token may see, wanted one of the configuration`,
  )
}
