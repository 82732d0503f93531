/** `wasm-fpm export`: the store as other machines can follow it: plain files for a web server, in a registry, or on servers of NATS. */
import { Command } from 'commander'
import { countBuffersWithHeap } from '../base/buffer-memory.ts'
import { systemClock } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import { printBytes } from '../base/quantity.ts'
import { readNamedEnvFile } from '../config/env-files.ts'
import { NatsExport, type NatsExportOptions } from '../follow/export-nats.ts'
import { exportToRegistry } from '../follow/export-registry.ts'
import { type Exported, FolderExport } from '../follow/export-store.ts'
import { keepExporting } from '../follow/keep-exporting.ts'
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
  readonly watch?: boolean
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
    .option('--watch', 'go on: export what becomes live from now on as well, until interrupted')
    .action(async (to: string, options: ExportOptions) => {
      countBuffersWithHeap()
      const { layout } = await openStoreAt(options)
      const exporter = await exporterOf(layout.root, to, options)
      const print = (done: Exported): void => {
        if (options.json === true) printJson(done)
        else process.stdout.write(`${textOf(done)}\n`)
      }
      if (options.watch === true) return watch(layout.root, exporter, print)
      try {
        print(await exporter.run())
      } finally {
        await exporter.close()
      }
    })
}

interface Exporter {
  run(): Promise<Exported>
  close(): Promise<void>
}

function watch(store: string, exporter: Exporter, print: (done: Exported) => void): Promise<void> {
  let said = ''
  return keepExporting({
    ...{ store, clock: systemClock, run: () => exporter.run() },
    onDone: (done) => {
      if (done.changed > 0 || said !== '') print(done)
      said = ''
    },
    onError: (error) => {
      const { code, message } = toWire(error)
      // Once for each thing that goes wrong.
      if (message !== said) process.stderr.write(`wasm-fpm: ${message} [${code}]\n`)
      said = message
    },
  })
}

async function exporterOf(store: string, to: string, options: ExportOptions): Promise<Exporter> {
  const { envFile, replicas, allowOldServer = false } = options
  const close = async (): Promise<void> => undefined
  if (isOciReference(to)) {
    const [tag, transfer] = [parseTag(to), await transferOptionsOf(to, options)]
    return { run: () => exportToRegistry(store, tag, transfer), close }
  }
  const servers = parseNatsAddress(to)
  if (servers !== undefined) {
    if (!/^[135]$/.test(replicas)) {
      throw new CliError('CLI_USAGE', `Cannot make ${replicas} replicas: wanted 1, 3 or 5`)
    }
    const nats: NatsExportOptions = {
      clock: systemClock,
      secrets: envFile === undefined ? {} : readNamedEnvFile(envFile),
      allowsOldServer: allowOldServer,
      replicas: Number(replicas),
    }
    return inSessions(() => NatsExport.open(store, servers, nats))
  }
  if (/^[a-z]+:\/\//.test(to)) {
    throw new CliError(
      'CLI_USAGE',
      'Cannot export to that address: wanted a folder, oci://HOST/REPOSITORY:TAG or tls://HOST,HOST/BUCKET (nats:// on this machine)',
    )
  }
  return inSessions(async () => {
    const session = await FolderExport.open(store, to, systemClock)
    return { run: () => session.run(), close }
  })
}

/** One of them, until something goes wrong. */
function inSessions(open: () => Promise<Exporter>): Exporter {
  let session: Exporter | undefined
  const close = async (): Promise<void> => {
    const old = session
    session = undefined
    await old?.close()
  }
  const run = async (): Promise<Exported> => {
    try {
      session ??= await open()
      return await session.run()
    } catch (error) {
      await close()
      throw error
    }
  }
  return { run, close }
}

function textOf({ tenants, changed, newer = 0, newBytes }: Exported): string {
  const left = newer === 0 ? '' : `, ${newer} newer there and left alone`
  return `${tenants} tenants, ${changed} of them changed${left}, ${printBytes(newBytes)} new`
}
