/** Which runtimes a configuration needs: those that some tenant names. */
import { accessSync, constants } from 'node:fs'
import type { Config, RuntimeConfig, TenantConfig } from './config.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'

export function usedRuntimes({ runtimes, tenants }: Config): readonly RuntimeConfig[] {
  const names = new Set(tenants.flatMap((tenant) => tenant.runtimes))
  return runtimes.filter(({ name }) => names.has(name))
}

/** Those of a tenant, in the order in which it names them. */
export function runtimesOf(
  tenant: TenantConfig,
  runtimes: readonly RuntimeConfig[],
): readonly RuntimeConfig[] {
  return tenant.runtimes.flatMap((name) => runtimes.find((one) => one.name === name) ?? [])
}

/** A tenant as those want it who only ask what is run below its root: the endings of its runtimes are among its own. */
export function withRuntimeEndings(
  tenant: TenantConfig,
  runtimes: readonly RuntimeConfig[],
): TenantConfig {
  if (tenant.runtimes.length === 0) return tenant
  const endings = runtimesOf(tenant, runtimes).flatMap(({ extensions }) => extensions)
  return { ...tenant, limitExtensions: [...tenant.limitExtensions, ...endings] }
}

/**
 * Looks whether the modules of the runtimes are there. For whoever checks a configuration: a server serves all others
 * meanwhile. Throws `ConfigError` (CONFIG_NO_RUNTIME_MODULE).
 */
export function checkRuntimeModules(config: Config): void {
  const problems = usedRuntimes(config).flatMap((runtime): ConfigProblem[] => {
    const message = missingModule(runtime)
    if (message === undefined) return []
    const key = `runtime "${runtime.name}"`
    return [
      { code: 'CONFIG_NO_RUNTIME_MODULE', file: runtime.module, line: undefined, key, message },
    ]
  })
  if (problems.length > 0) throw new ConfigError(problems)
}

/** What is wrong with a runtime's file, and what to do; undefined: it can be read. */
function missingModule({ module, name }: RuntimeConfig): string | undefined {
  try {
    accessSync(module, constants.R_OK)
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      return `cannot be read: ${code}, wanted the right to read it`
    }
    return `is not there, wanted a module: ${howToGet(name)}`
  }
}

/** There is a recipe for each. */
const BUILT: ReadonlySet<string> = new Set(['lua', 'perl', 'php', 'python', 'ruby'])

/** The command that makes a runtime's module be where it is looked for. */
export function howToGet(name: string): string {
  return BUILT.has(name)
    ? `\`wasm-fpm runtime build ${name}\``
    : `\`wasm-fpm runtime add ${name} FILE\``
}
