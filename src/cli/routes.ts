/** `wasm-fpm routes`: which paths answer, and by what. */
import { Command } from 'commander'
import { listRoutes, type RouteRow } from '../admin/list-routes.ts'
import { systemClock } from '../base/clock.ts'
import type { TenantConfig } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { withRuntimeEndings } from '../config/runtime-use.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE, isStore } from '../store/open-store.ts'
import { configOption, findConfigFile, usualConfigFile } from './config-file.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import {
  listRoutesRemote,
  readRemote,
  type ServerChoice,
  serverOption,
  tenantOption,
  withTenant,
} from './remote.ts'
import { printTable } from './table.ts'

interface RoutesOptions {
  readonly tenant?: string
  readonly config?: string
  readonly store?: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function routesCommand(): Command {
  return new Command('routes')
    .description('list which paths answer, and which handler, release or folder is behind them')
    .addOption(tenantOption('of this tenant only'))
    .addOption(configOption())
    .option('--store <DIR>', "the store of releases (default: the configuration's)")
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(routes)
}

async function routes({ server, json, ...options }: RoutesOptions): Promise<void> {
  const rows = server === undefined ? await localRows(options) : await remoteRows(server, options)
  if (json === true) printJson(rows)
  else process.stdout.write(rows.length === 0 ? 'nothing answers\n' : printRows(rows))
}

function remoteRows(
  server: ServerChoice,
  options: Pick<RoutesOptions, 'tenant'>,
): Promise<readonly RouteRow[]> {
  const { tenant } = withTenant({ ...options, server })
  return listRoutesRemote(readRemote(server), tenant)
}

async function localRows({
  tenant,
  config,
  store: folder,
}: Omit<RoutesOptions, 'server' | 'json'>): Promise<readonly RouteRow[]> {
  const place = await locate(config, folder)
  const store =
    place.store === undefined
      ? undefined
      : await DirectoryStore.open(place.store, { clock: systemClock })
  const all: ReadonlyArray<Pick<TenantConfig, 'name'> & Partial<TenantConfig>> =
    place.tenants ?? ((await store?.tenants()) ?? []).map((name) => ({ name }))
  const chosen = all.filter(({ name }) => tenant === undefined || name === tenant)
  if (tenant !== undefined && chosen.length === 0) throw unknownTenant(tenant, place.source)
  const rows: RouteRow[] = []
  for (const one of chosen) rows.push(...(await listRoutes(one, store)))
  return rows
}

interface Place {
  /** What was read, for messages. */
  readonly source: string
  /** Undefined: those of the store. */
  readonly tenants: readonly TenantConfig[] | undefined
  readonly store: string | undefined
}

/** A store alone will do; a configuration tells more. */
async function locate(config: string | undefined, store: string | undefined): Promise<Place> {
  if (store !== undefined && config === undefined && usualConfigFile() === undefined) {
    return { source: store, tenants: undefined, store }
  }
  const file = findConfigFile(config)
  const loaded = loadConfig(file)
  // `serve` makes the configuration's where there is none: nothing has been published yet.
  const usual = loaded.store ?? DEFAULT_STORE
  const found = (await isStore(usual)) ? usual : undefined
  const tenants = loaded.tenants.map((tenant) => withRuntimeEndings(tenant, loaded.runtimes))
  return { source: file, tenants, store: store ?? found }
}

function printRows(rows: readonly RouteRow[]): string {
  const cells = rows.map(({ methods, release, weight, ...row }) => [
    row.tenant,
    row.hosts.join(' ') || '-',
    row.path,
    methods?.join(' ') ?? 'all',
    nameOf(row) + (weight === undefined ? '' : ` (${weight} %)`),
    release?.slice(0, 12) ?? '-',
  ])
  return printTable(['TENANT', 'HOSTS', 'PATH', 'METHODS', 'ANSWERED BY', 'RELEASE'], cells)
}

function nameOf({ kind, runtime, target }: Pick<RouteRow, 'kind' | 'runtime' | 'target'>): string {
  const isScripts = kind === 'handler' && runtime !== undefined
  return WORDS[kind] + target + (isScripts ? `, scripts of ${runtime}` : '')
}

const WORDS: Readonly<Record<RouteRow['kind'], string>> = {
  handler: '',
  files: 'files of ',
  page: '',
  'document-root': 'files below ',
}

function unknownTenant(name: string, source: string): CliError {
  return new CliError(
    'CLI_UNKNOWN_TENANT',
    `Cannot list routes of tenant ${JSON.stringify(name)}: ${source} has none of that name, wanted one of its tenants`,
  )
}
