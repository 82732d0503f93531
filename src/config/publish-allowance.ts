/** What a tenant's configuration allows a release that is published for it, before it is live. */
import type { Config, RuntimeConfig, TenantConfig, TenantLimits } from './config.ts'
import { runtimesOf } from './runtime-use.ts'
import { sessionsOf } from './session-folders.ts'
import { tenantFor } from './tenant-for.ts'

interface PublishAllowance {
  readonly ceiling: TenantLimits
  readonly env: Readonly<Record<string, string>>
  readonly runtimes: readonly RuntimeConfig[]
  readonly mounts: readonly AllowedMount[]
  readonly importLimits: Pick<TenantLimits, 'openFiles' | 'tmpBytes' | 'tmpFiles' | 'tmpDepth'>
}

interface AllowedMount {
  readonly guest: string
  /** Null: it begins empty. */
  readonly host: string | null
  readonly isWritable: boolean
}

/** For a handler of that name. */
export function publishAllowance(
  tenant: TenantConfig,
  handler: string,
  { runtimes: all }: Pick<Config, 'runtimes'>,
): PublishAllowance {
  const { limits, env, chdir, mounts } = tenantFor(tenant, handler)
  const runtimes = runtimesOf(tenant, all)
  return {
    ceiling: limits,
    env: chdir === '/' ? env : { PWD: chdir, ...env },
    runtimes,
    mounts: [
      ...sessionsOf(tenant, runtimes).map(({ guest }) => ({ guest, host: null, isWritable: true })),
      ...mounts.map(({ guest, host, writable }) => ({ guest, host, isWritable: writable })),
    ],
    importLimits: limits,
  }
}
