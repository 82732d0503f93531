/** `wasm-fpm tenants`: who is served; tenants with a file of their own come and go without an editor. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { TenantConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { addTenant, removeTenant } from '../config/tenant-files.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { hideEnvOf } from './hidden-env.ts'
import { jsonOption, printJson } from './json.ts'
import { type Reloaded, reloadIfRunning } from './reload-if-running.ts'
import { printTable } from './table.ts'
import { tokenFileOf } from './token-place.ts'

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
      if (json === true) printJson(tenants.map(hideEnvOf))
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
    .description("remove a tenant's file and revoke its tokens; what it has published stays")
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
  const reloaded = await reloadUnlessKept(file, options)
  if (options.json === true) {
    printJson({ added: name, file: change.file, reload: reloaded.kind })
    return
  }
  process.stdout.write(`added tenant ${name}: ${change.file}; ${WORDS[reloaded.kind]}\n`)
}

async function remove(name: string, options: ChangeOptions): Promise<void> {
  const file = findConfigFile(options.config)
  const change = removeTenant(file, name)
  let reloaded: Reloaded
  let revokedTokens = 0
  try {
    reloaded = await reloadUnlessKept(file, options)
  } finally {
    // The next tenant of this name is somebody else.
    const { admin } = change.config
    if (admin !== undefined) revokedTokens = await tokenFileOf(admin).removeOf(name)
  }
  if (options.json === true) {
    printJson({ removed: name, file: change.file, reload: reloaded.kind, revokedTokens })
    return
  }
  const tokens = revokedTokens === 0 ? '' : `; tokens revoked: ${revokedTokens}`
  process.stdout.write(`removed tenant ${name}: ${change.file}; ${WORDS[reloaded.kind]}${tokens}\n`)
}

async function reloadUnlessKept(file: string, { reload }: ChangeOptions): Promise<Reloaded> {
  return reload ? await reloadIfRunning(file) : { kind: 'not-asked' }
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
