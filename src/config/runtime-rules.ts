/** What must hold between runtimes and the tenants that name them. */
import type { RuntimeConfig, TenantConfig } from './config.ts'
import { claim, duplicate, type Report, type Seen } from './rules.ts'

/** `seen`: the names of others. */
export function checkRuntime(runtime: RuntimeConfig, seen: Seen, report: Report): void {
  const { name, extensions, index } = runtime
  claim(seen, name, { owner: `runtime "${name}"`, refuse: duplicate(report, ['name']) })
  if (extensions.length === 0) {
    report(['extensions'], 'CONFIG_BAD_VALUE', 'is [], wanted at least one, such as [".php"]')
  }
  if (index === undefined || extensions.some((extension) => index.endsWith(extension))) return
  const wanted = `one that ends in ${listed(extensions, ' or ')}`
  report(['index'], 'CONFIG_BAD_VALUE', `is "${index}", wanted ${wanted}`)
}

/** `runtimes`: all of them. */
export function checkTenantRuntimes(
  tenant: TenantConfig,
  runtimes: readonly RuntimeConfig[],
  report: Report,
): void {
  const refuse = duplicate(report, ['runtimes'])
  const extensions: Seen = new Map(
    tenant.limitExtensions.map((extension) => [extension, 'limit_extensions']),
  )
  for (const [index, name] of tenant.runtimes.entries()) {
    if (tenant.runtimes.indexOf(name) < index) {
      refuse(`has "${name}" twice, wanted it once`)
      continue
    }
    const runtime = runtimes.find((one) => one.name === name)
    if (runtime === undefined) {
      report(['runtimes'], 'CONFIG_UNKNOWN_RUNTIME', unknown(name, runtimes))
      continue
    }
    for (const extension of runtime.extensions) {
      claim(extensions, extension, { owner: `runtime "${name}"`, refuse })
    }
  }
  checkApp(tenant, report)
  if (tenant.engine !== 'own' && tenant.runtimes.length > 0) {
    const message = `is "${tenant.engine}", wanted "own": no other engine has runtimes`
    report(['engine'], 'CONFIG_BAD_VALUE', message)
  }
}

/** One runtime, which knows what is meant, and files for it. */
function checkApp({ app, root, runtimes }: TenantConfig, report: Report): void {
  if (app === undefined) return
  const refuse = (what: string, wanted: string): void =>
    report(['app'], 'CONFIG_BAD_VALUE', `is "${app}" ${what}, wanted ${wanted}`)
  if (runtimes.length !== 1)
    refuse(`beside ${runtimes.length} runtimes`, 'one in `runtimes`: that which runs it')
  if (root === undefined) refuse('without a `root`', 'the folder that has its modules')
}

function unknown(name: string, runtimes: readonly RuntimeConfig[]): string {
  const names = runtimes.map((one) => one.name)
  const known = names.length === 0 ? '' : `${listed(names, ', ')}, or `
  return `has "${name}", which does not exist, wanted ${known}a [[runtime]] of that name`
}

function listed(words: readonly string[], between: string): string {
  return words.map((word) => `"${word}"`).join(between)
}
