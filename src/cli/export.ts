/** `wasm-fpm export`: the store as other machines can follow it: plain files for a web server, or in a registry. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { printBytes } from '../base/quantity.ts'
import { exportToRegistry } from '../follow/export-registry.ts'
import { type Exported, exportStore } from '../follow/export-store.ts'
import { parseTag } from '../follow/open-source.ts'
import { isOciReference } from '../oci/reference.ts'
import { jsonOption, printJson } from './json.ts'
import { type RegistryOptions, transferOptionsOf, withRegistryOptions } from './registry-options.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface ExportOptions extends StorePlace, RegistryOptions {
  readonly json?: boolean
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('write what is live in a store to where other machines follow it')
    .argument(
      '<to>',
      'a folder for a web server, new, empty or one that this has written before; or oci://HOST/REPOSITORY:TAG',
    )
    .addOption(storeOption())
    .addOption(storeConfigOption())
  return withRegistryOptions(command)
    .addOption(jsonOption())
    .action(async (to: string, options: ExportOptions) => {
      const { layout } = await openStoreAt(options)
      const done = await exportTo(layout.root, to, options)
      const { tenants, changed, newBytes } = done
      if (options.json === true) printJson(done)
      else {
        const text = `${tenants} tenants, ${changed} of them changed, ${printBytes(newBytes)} new`
        process.stdout.write(`${text}\n`)
      }
    })
}

async function exportTo(store: string, to: string, options: ExportOptions): Promise<Exported> {
  if (!isOciReference(to)) return exportStore(store, to, systemClock)
  return exportToRegistry(store, parseTag(to), await transferOptionsOf(to, options))
}
