/** A configuration as it may be printed: the names of variables, not their values, which may be secrets. */
import type { Config, TenantConfig } from '../config/config.ts'

const HIDDEN = '(not shown)'

export function hideEnv(config: Config): Config {
  const runtimes = config.runtimes.map((runtime) => ({ ...runtime, env: hidden(runtime.env) }))
  const follow = config.follow && { ...config.follow, env: hidden(config.follow.env) }
  return { ...config, runtimes, follow, tenants: config.tenants.map(hideEnvOf) }
}

export function hideEnvOf(tenant: TenantConfig): TenantConfig {
  const handlers = tenant.handlers.map((handler) => ({ ...handler, env: hidden(handler.env) }))
  return { ...tenant, env: hidden(tenant.env), handlers }
}

function hidden(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(env).map((name) => [name, HIDDEN]))
}
