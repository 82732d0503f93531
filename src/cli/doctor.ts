/** `wasm-fpm doctor`: looks at the machine and the configuration, says what is not well, and what to do about it. */
import { Command } from 'commander'
import type { Config, RuntimeConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { usedRuntimes, withRuntimeEndings } from '../config/runtime-use.ts'
import { findConfigFile } from './config-file.ts'
import { checkApp } from './doctor/app-checks.ts'
import type { Check } from './doctor/check-result.ts'
import { checkEnvFiles } from './doctor/env-file-checks.ts'
import { readLiveHandlers } from './doctor/live-handlers.ts'
import { checkMachine } from './doctor/machine-checks.ts'
import { readMachineFacts } from './doctor/machine-facts.ts'
import { type Person, readAccountFiles } from './doctor/permission.ts'
import { checkPool, type Surroundings, workerPerson } from './doctor/pool-checks.ts'
import { printChecks, printJson, summarize } from './doctor/report.ts'
import { checkRuntime } from './doctor/runtime-checks.ts'
import { apacheSnippet, nginxSnippet } from './doctor/snippets.ts'
import { checkServerFiles, checkTenant } from './doctor/tenant-checks.ts'
import { CliError } from './errors.ts'
import { ExitCode } from './exit-code.ts'

interface DoctorOptions {
  readonly config?: string
  readonly tenant?: string
  readonly webUser: string
  readonly json?: boolean
}

/** Instances that V8 has address space for in one process. */
const MOST_INSTANCES = 10_500

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'check the machine, the sockets and the tenants; exits with 1 when something will not work',
    )
    .option(
      '--config <FILE>',
      'configuration file (default: ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml)',
    )
    .option('--web-user <NAME>', 'the user the web server runs as', 'www-data')
    .option('--tenant <NAME>', 'print what to write into nginx and Apache for this tenant')
    .option('--json', 'print JSON')
    .action(doctor)
}

async function doctor(options: DoctorOptions): Promise<void> {
  const config = loadConfig(findConfigFile(options.config))
  if (options.tenant !== undefined) {
    process.stdout.write(printSnippets(config, options.tenant))
    return
  }
  const published = await readLiveHandlers(config)
  const checks = examine(config, options.webUser, published)
  process.stdout.write(options.json === true ? printJson(checks) : printChecks(checks))
  if (summarize(checks).fail > 0) process.exitCode = ExitCode.Failure
}

function examine(
  config: Config,
  webUser: string,
  published: ReadonlyMap<string, readonly string[]>,
): readonly Check[] {
  const around: Surroundings = {
    accounts: readAccountFiles(),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    webUser,
  }
  const workers = new Map(config.pools.map((pool) => [pool.name, workerPerson(pool, around)]))
  const workersOf = ({ name }: RuntimeConfig): readonly Person[] => {
    const users = config.tenants.filter(({ runtimes }) => runtimes.includes(name))
    return [...new Set(users.flatMap(({ pool }) => workers.get(pool) ?? []))]
  }
  return [
    ...checkMachine(readMachineFacts(), mostInstances(config)),
    ...checkServerFiles(config),
    ...checkEnvFiles(config),
    ...config.pools.flatMap((pool) => checkPool(pool, around)),
    ...usedRuntimes(config).flatMap((runtime) => checkRuntime(runtime, workersOf(runtime))),
    ...config.tenants.flatMap((tenant) => {
      const worker = workers.get(tenant.pool)
      return worker === undefined
        ? []
        : [
            ...checkTenant(withRuntimeEndings(tenant, config.runtimes), {
              worker,
              handlers: published.get(tenant.name) ?? [],
            }),
            ...checkApp(tenant, config.runtimes),
          ]
    }),
  ]
}

/** That one worker may come to hold: each can have every tenant of its pool. */
function mostInstances({ pools, tenants, processMax }: Config): number {
  const perPool = pools.map(({ name }) =>
    tenants
      .filter(({ pool }) => pool === name)
      .reduce((sum, { maxChildren }) => sum + maxChildren, 0),
  )
  const most = Math.min(MOST_INSTANCES, Math.max(0, ...perPool))
  return processMax > 0 ? Math.min(most, processMax) : most
}

function printSnippets(config: Config, name: string): string {
  const tenant = config.tenants.find((one) => one.name === name)
  const pool = config.pools.find((one) => one.name === tenant?.pool)
  if (tenant === undefined || pool === undefined) {
    const known = config.tenants.slice(0, 20).map((one) => one.name)
    throw new CliError(
      'DOCTOR_UNKNOWN_TENANT',
      `Cannot print for tenant ${JSON.stringify(name)}: there is none of that name, wanted one of ${known.join(', ') || 'a [[tenant]]'}`,
    )
  }
  const seen = withRuntimeEndings(tenant, config.runtimes)
  return `# nginx\n${nginxSnippet(seen, pool)}\n# Apache\n${apacheSnippet(seen, pool)}`
}
