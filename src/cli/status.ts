/** `wasm-fpm status`: what the running server does, tenant by tenant and worker by worker. */
import { Command } from 'commander'
import { harmless } from '../base/harmless.ts'
import { renderText } from '../gateway/status/render.ts'
import { askStatus } from '../master/control-client.ts'
import type { ServerStatus } from '../master/server-status.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import {
  loginTenant,
  readRemote,
  type ServerChoice,
  serverOption,
  statusRemote,
  tenantStatusRemote,
} from './remote.ts'
import { printOverview } from './status/overview.ts'
import { type TenantStatus, tenantStatus } from './status/tenant-status.ts'

interface StatusOptions {
  readonly config?: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function statusCommand(): Command {
  return new Command('status')
    .description('show what the running wasm-fpm does: its tenants and its workers')
    .argument('[tenant]', 'show one tenant in full, with every instance')
    .addOption(configOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(status)
}

async function status(
  name: string | undefined,
  { config, server: address, json }: StatusOptions,
): Promise<void> {
  if (address !== undefined) return statusOver(address, name ?? loginTenant(address), json)
  const file = findConfigFile(config)
  const server = await askStatus(file, name)
  const tenants = server.tenants.map(tenantStatus)
  if (name !== undefined && tenants.length === 0) throw unknownTenant(name, file)
  if (json === true) printJson(asJson(server, tenants))
  else if (name === undefined) process.stdout.write(printOverview(server, tenants))
  else process.stdout.write(tenants.map(printTenant).join(''))
}

/** Over the admin API: of a tenant with a token of its own, of all with an operator's. */
async function statusOver(
  address: ServerChoice,
  name: string | undefined,
  json: boolean | undefined,
): Promise<void> {
  const remote = readRemote(address)
  if (name === undefined) {
    const server = await statusRemote(remote)
    if (json === true) printJson(server)
    else process.stdout.write(printOverview(server, server.tenants))
    return
  }
  const found = await tenantStatusRemote(remote, name)
  if (json === true) printJson({ tenants: [found] })
  else process.stdout.write(printTenant(found))
}

function asJson(server: ServerStatus, tenants: readonly TenantStatus[]): object {
  return {
    ...server,
    tenants: tenants.map(({ tenant, pool, status: found }) => ({ tenant, pool, status: found })),
  }
}

function printTenant({ tenant, status: found }: TenantStatus): string {
  return found === undefined
    ? `${harmless(tenant)}: no worker has answered in time\n`
    : renderText(found, true)
}

function unknownTenant(name: string, file: string): CliError {
  return new CliError(
    'CLI_UNKNOWN_TENANT',
    `Cannot show tenant ${JSON.stringify(name)}: the wasm-fpm that serves ${file} has none of that name, wanted one that \`wasm-fpm status\` lists (a tenant added since needs \`wasm-fpm reload\`)`,
  )
}
