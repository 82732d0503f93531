/** Variables of `env_file` for a command that runs a guest itself. */
import type { Config, TenantConfig } from '../config/config.ts'
import { withEnvFiles } from '../config/env-files.ts'
import { ConfigError } from '../config/errors.ts'

/**
 * `config`, with what the files of `tenant` say. Files that this user may not read are left out, with a note: who publishes
 * need not know a tenant's secrets. Throws `ConfigError` for any other fault.
 */
export function withReadableEnvFiles(config: Config, tenant: string): Config {
  const isAsked = ({ name }: TenantConfig): boolean => name === tenant
  try {
    const asking = { ...config, follow: undefined, tenants: config.tenants.filter(isAsked) }
    const { tenants } = withEnvFiles(asking)
    const [asked] = tenants
    if (asked === undefined) return config
    return { ...config, tenants: config.tenants.map((one) => (isAsked(one) ? asked : one)) }
  } catch (error) {
    const isUnreadable =
      error instanceof ConfigError &&
      error.problems.every(({ code }) => code === 'CONFIG_NOT_READABLE')
    if (!isUnreadable) throw error
    for (const { file } of error.problems) {
      process.stderr.write(`note: ${file} cannot be read: the guest runs without its variables\n`)
    }
    return config
  }
}
