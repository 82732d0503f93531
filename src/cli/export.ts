/** `wasm-fpm export`: the store as plain files for a web server, which other machines follow. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { printBytes } from '../base/quantity.ts'
import { exportStore } from '../follow/export-store.ts'
import { jsonOption, printJson } from './json.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface ExportOptions extends StorePlace {
  readonly json?: boolean
}

export function exportCommand(): Command {
  return new Command('export')
    .description(
      'write what is live in a store as plain files, for machines that follow it by HTTPS',
    )
    .argument('<dir>', 'where to: a new or empty folder, or one that this has written before')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(async (folder: string, options: ExportOptions) => {
      const { layout } = await openStoreAt(options)
      const done = await exportStore(layout.root, folder, systemClock)
      const { tenants, changed, newBytes } = done
      if (options.json === true) printJson(done)
      else {
        const text = `${tenants} tenants, ${changed} of them changed, ${printBytes(newBytes)} new`
        process.stdout.write(`${text}\n`)
      }
    })
}
