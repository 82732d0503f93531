/** `wasm-fpm export`: the store as other machines can follow it: plain files for a web server, in a registry, or on servers of NATS. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { printBytes } from '../base/quantity.ts'
import { readNamedEnvFile } from '../config/env-files.ts'
import { exportToNats } from '../follow/export-nats.ts'
import { exportToRegistry } from '../follow/export-registry.ts'
import { type Exported, exportStore } from '../follow/export-store.ts'
import { parseNatsAddress } from '../follow/nats-link.ts'
import { parseTag } from '../follow/open-source.ts'
import { isOciReference } from '../oci/reference.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { type RegistryOptions, transferOptionsOf, withRegistryOptions } from './registry-options.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface ExportOptions extends StorePlace, RegistryOptions {
  readonly envFile?: string
  readonly replicas: string
  readonly allowOldServer?: boolean
  readonly json?: boolean
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('write what is live in a store to where other machines follow it')
    .argument(
      '<to>',
      'a folder for a web server, new, empty or one that this has written before; oci://HOST/REPOSITORY:TAG; or tls://HOST,HOST/BUCKET of NATS',
    )
    .addOption(storeOption())
    .addOption(storeConfigOption())
  return withRegistryOptions(command)
    .option('--env-file <FILE>', 'for NATS: who we are, as `env_file` of [follow] says it')
    .option('--replicas <N>', 'for NATS, the first time: how many servers have a copy', '1')
    .option('--allow-old-server', 'for NATS: use a server that is known to lose what it was given')
    .addOption(jsonOption())
    .action(async (to: string, options: ExportOptions) => {
      const { layout } = await openStoreAt(options)
      const done = await exportTo(layout.root, to, options)
      if (options.json === true) printJson(done)
      else process.stdout.write(`${textOf(done)}\n`)
    })
}

async function exportTo(store: string, to: string, options: ExportOptions): Promise<Exported> {
  const { envFile, replicas, allowOldServer = false } = options
  if (isOciReference(to)) {
    return exportToRegistry(store, parseTag(to), await transferOptionsOf(to, options))
  }
  const servers = parseNatsAddress(to)
  if (servers !== undefined) {
    if (!/^[135]$/.test(replicas)) {
      throw new CliError('CLI_USAGE', `Cannot make ${replicas} replicas: wanted 1, 3 or 5`)
    }
    return exportToNats(store, servers, {
      clock: systemClock,
      secrets: envFile === undefined ? {} : readNamedEnvFile(envFile),
      allowsOldServer: allowOldServer,
      replicas: Number(replicas),
    })
  }
  if (/^[a-z]+:\/\//.test(to)) {
    throw new CliError(
      'CLI_USAGE',
      'Cannot export to that address: wanted a folder, oci://HOST/REPOSITORY:TAG or tls://HOST,HOST/BUCKET (nats:// on this machine)',
    )
  }
  return exportStore(store, to, systemClock)
}

function textOf({ tenants, changed, newer = 0, newBytes }: Exported): string {
  const left = newer === 0 ? '' : `, ${newer} newer there and left alone`
  return `${tenants} tenants, ${changed} of them changed${left}, ${printBytes(newBytes)} new`
}
