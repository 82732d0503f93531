/** A tenant of a configuration whose settings hold for a module that is tried out. */
import { CodedError } from '../base/errors.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { withReadableEnvFiles } from './readable-env-files.ts'

/** Names that a message lists. */
const MAX_NAMES = 20

export interface Borrowed {
  readonly config: Config
  readonly tenant: TenantConfig
}

/**
 * `name` undefined: the only tenant there is. `doing`: what is to be done, for the message. Throws `ConfigError` and
 * CONFIG_UNKNOWN_TENANT.
 */
export function borrowTenant(file: string, name: string | undefined, doing: string): Borrowed {
  const loaded = loadConfig(file)
  const [only, ...others] = loaded.tenants
  const wanted = name ?? (others.length === 0 ? only?.name : undefined)
  const config = wanted === undefined ? loaded : withReadableEnvFiles(loaded, wanted)
  const tenant = config.tenants.find((one) => one.name === wanted)
  if (tenant !== undefined) return { config, tenant }
  const actual =
    name === undefined
      ? `${file} has ${loaded.tenants.length} tenants`
      : `${file} has no tenant ${JSON.stringify(name)}`
  throw new CodedError(
    'CONFIG_UNKNOWN_TENANT',
    `Cannot ${doing}: ${actual}, wanted --tenant with ${listOf(loaded.tenants)}`,
  )
}

/** `one of a, b`, for a message. */
export function listOf(tenants: readonly TenantConfig[]): string {
  const names = tenants.slice(0, MAX_NAMES).map(({ name }) => name)
  if (names.length === 0) return 'the name of a [[tenant]], which has to be written first'
  return `one of ${names.join(', ')}${tenants.length > names.length ? ', ...' : ''}`
}
