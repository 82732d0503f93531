/** `wasm-fpm releases`: what a tenant has published, and what of it is live. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import type { Release } from '../store/release.ts'
import type { PublishedRelease } from '../store/release-store.ts'

interface ReleasesOptions {
  readonly tenant: string
  readonly store: string
  readonly json?: boolean
}

interface Row {
  readonly entry: PublishedRelease
  readonly release: Release
}

export function releasesCommand(): Command {
  return new Command('releases')
    .description('list what a tenant has published, newest first')
    .requiredOption('--tenant <T>', 'the tenant')
    .option('--store <DIR>', 'the store of releases', DEFAULT_STORE)
    .option('--json', 'print JSON')
    .action(list)
}

async function list({ tenant, store: folder, json }: ReleasesOptions): Promise<void> {
  const store = await DirectoryStore.open(folder, { clock: systemClock })
  const rows: Row[] = []
  for (const entry of await store.releases(tenant)) {
    rows.push({ entry, release: await store.release(entry.release) })
  }
  process.stdout.write(json === true ? toJson(rows) : toTable(tenant, rows))
}

function toJson(rows: readonly Row[]): string {
  const values = rows.map(({ entry, release: { manifest, original, image } }) => ({
    ...entry,
    routes: manifest.routes,
    lifetime: manifest.lifetime,
    moduleBytes: original.bytes,
    files: image?.files ?? 0,
    fileBytes: image?.bytes ?? 0,
  }))
  return `${JSON.stringify(values, undefined, 2)}\n`
}

const HEAD = ['', 'number', 'release', 'handler', 'routes', 'module', 'files', 'published']

function toTable(tenant: string, rows: readonly Row[]): string {
  if (rows.length === 0) return `${tenant} has published nothing\n`
  const cells = rows.map(({ entry, release: { manifest, original, image } }) => [
    entry.isLive ? 'live' : '',
    String(entry.number),
    entry.release.slice(0, 12),
    entry.handler,
    manifest.routes.map(({ path }) => path).join(' '),
    String(original.bytes),
    String(image?.files ?? 0),
    entry.publishedAt,
  ])
  const table = [HEAD, ...cells]
  const widths = HEAD.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}
