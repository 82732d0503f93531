/** `wasm-fpm releases`: what a tenant has published, and what of it is live. */
import { Command } from 'commander'
import { printBytes } from '../base/quantity.ts'
import type { DirectoryStore } from '../store/directory-store.ts'
import type { PublishedRelease } from '../store/release-store.ts'
import { jsonOption, printJson } from './json.ts'
import {
  listReleasesRemote,
  type RemoteRelease,
  readRemote,
  type ServerChoice,
  serverOption,
  tenantOption,
  withTenant,
} from './remote.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'
import { type Column, printTable } from './table.ts'

interface ReleasesOptions extends StorePlace {
  readonly tenant?: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

/** What a server says about a release, and who has signed it. */
type Row = RemoteRelease & {
  /** Ids of keys; undefined: not known. */
  readonly signedBy?: readonly string[]
}

export function releasesCommand(): Command {
  return new Command('releases')
    .description('list what a tenant has published, newest first')
    .addOption(tenantOption('the tenant'))
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(list)
}

async function list(options: ReleasesOptions): Promise<void> {
  const { tenant, server, json, ...place } = withTenant(options)
  const rows: readonly Row[] =
    server === undefined
      ? await rowsOf(await openStoreAt(place), tenant)
      : await listReleasesRemote(readRemote(server), tenant)
  if (json === true) printJson(rows)
  else process.stdout.write(rows.length === 0 ? `${tenant} has published nothing\n` : toTable(rows))
}

async function rowsOf(store: DirectoryStore, tenant: string): Promise<readonly Row[]> {
  const signatures = await store.signatures(tenant)
  const rows: Row[] = []
  for (const entry of await store.releases(tenant)) {
    const { manifest, original, image } = await store.release(entry.release)
    const own = signatures.filter(({ release }) => release === entry.release)
    rows.push({
      ...entry,
      routes: manifest.routes,
      ...(manifest.lifetime === undefined ? {} : { lifetime: manifest.lifetime }),
      moduleBytes: original?.bytes ?? 0,
      ...(manifest.runtime === undefined ? {} : { runtime: manifest.runtime }),
      files: image?.files ?? 0,
      fileBytes: image?.bytes ?? 0,
      signedBy: own.map(({ keyId }) => keyId),
    })
  }
  return rows
}

const COLUMNS: readonly (Column | string)[] = [
  'STATE',
  { title: 'NUMBER', align: 'right' },
  'RELEASE',
  'HANDLER',
  'ROUTES',
  { title: 'MODULE', align: 'right' },
  { title: 'FILES', align: 'right' },
  'SIGNED BY',
  'PUBLISHED',
]

function toTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    stateOf(row),
    String(row.number),
    row.release.slice(0, 12),
    row.handler,
    row.routes.map(({ path }) => path).join(' '),
    row.runtime ?? printBytes(row.moduleBytes),
    String(row.files),
    row.signedBy?.map((id) => id.slice(0, 8)).join(' ') || '-',
    row.publishedAt,
  ])
  return printTable(COLUMNS, cells)
}

function stateOf({ isLive, canary }: PublishedRelease): string {
  if (isLive) return 'live'
  if (canary === undefined) return '-'
  return canary.sticky ? `${canary.weight} % sticky` : `${canary.weight} %`
}
