/** `wasm-fpm tenants`: who is served; tenants with a file of their own come and go without an editor. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { TenantConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { addTenant, removeTenant, type TenantChange } from '../config/tenant-files.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { jsonOption, printJson } from './json.ts'
import { type Reloaded, reloadIfRunning } from './reload-if-running.ts'
import { printTable } from './table.ts'

interface CommonOptions {
  readonly config?: string
  readonly json?: boolean
}

interface ChangeOptions extends CommonOptions {
  readonly reload: boolean
}

interface AddOptions extends ChangeOptions {
  readonly pool?: string
  readonly host: readonly string[]
  readonly root?: string
}

export function tenantsCommand(): Command {
  return new Command('tenants')
    .description('list the tenants of a configuration, add and remove them')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(addCommand())
    .addCommand(removeCommand())
}

function listCommand(): Command {
  return new Command('list')
    .description('list the tenants (the default)')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(({ config, json }: CommonOptions) => {
      const { tenants } = loadConfig(findConfigFile(config))
      if (json === true) printJson(tenants)
      else process.stdout.write(printTenants(tenants))
    })
}

function addCommand(): Command {
  return new Command('add')
    .description('write a file for a new tenant, and have the running wasm-fpm take it up')
    .argument('<name>', 'the name of the tenant')
    .option('--host <NAME>', 'a host name that leads here (repeatable)', append, [])
    .option('--root <DIR>', 'document root (default: none, only published handlers answer)')
    .option('--pool <NAME>', 'the pool that serves it (default: the only pool)')
    .addOption(configOption())
    .addOption(noReloadOption())
    .addOption(jsonOption())
    .action(add)
}

function removeCommand(): Command {
  return new Command('remove')
    .description("remove a tenant's file; what it has published stays in the store")
    .argument('<name>', 'the name of the tenant')
    .addOption(configOption())
    .addOption(noReloadOption())
    .addOption(jsonOption())
    .action(remove)
}

function noReloadOption(): Option {
  return new Option('--no-reload', 'leave a running wasm-fpm as it is')
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}

async function add(name: string, options: AddOptions): Promise<void> {
  const file = findConfigFile(options.config)
  const root = options.root === undefined ? undefined : resolve(options.root)
  const change = addTenant(file, { name, pool: options.pool, hosts: options.host, root })
  if (root !== undefined && !existsSync(root)) {
    process.stderr.write(`note: ${root} is not there yet: its requests are answered 404\n`)
  }
  await tell({ verb: 'added', name, file, change }, options)
}

async function remove(name: string, options: ChangeOptions): Promise<void> {
  const file = findConfigFile(options.config)
  await tell({ verb: 'removed', name, file, change: removeTenant(file, name) }, options)
}

interface Done {
  readonly verb: 'added' | 'removed'
  readonly name: string
  /** The configuration's. */
  readonly file: string
  readonly change: TenantChange
}

async function tell(
  { verb, name, file, change }: Done,
  { reload, json }: ChangeOptions,
): Promise<void> {
  const reloaded: Reloaded = reload ? await reloadIfRunning(file) : { kind: 'not-asked' }
  if (json === true) {
    printJson({ [verb]: name, file: change.file, reload: reloaded.kind })
    return
  }
  process.stdout.write(`${verb} tenant ${name}: ${change.file}; ${WORDS[reloaded.kind]}\n`)
}

const WORDS: Readonly<Record<Reloaded['kind'], string>> = {
  reloaded: 'the running wasm-fpm has taken it up',
  'not-running': 'no wasm-fpm runs on this configuration',
  'not-asked': 'takes effect with `wasm-fpm reload`',
}

function printTenants(tenants: readonly TenantConfig[]): string {
  const rows = tenants.map(({ name, pool, hosts, root }) => [
    name,
    pool,
    hosts.join(' ') || '-',
    root ?? '-',
  ])
  return printTable(['TENANT', 'POOL', 'HOSTS', 'ROOT'], rows)
}
