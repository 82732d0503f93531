/** `wasm-fpm collect`: removes from a store what no release names, and on request old releases. */
import { Command } from 'commander'
import { CodedError } from '../base/errors.ts'
import { printBytes } from '../base/quantity.ts'
import { jsonOption, printJson } from './json.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface CollectCommandOptions extends StorePlace {
  readonly keep?: string
  readonly json?: boolean
}

export function collectCommand(): Command {
  return new Command('collect')
    .description('remove from the store what no release names; never what is live or running')
    .option('--keep <N>', 'also give up releases, but the N newest of each handler (default: none)')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(collect)
}

async function collect({ keep, json, ...place }: CollectCommandOptions): Promise<void> {
  if (keep !== undefined && !/^[1-9][0-9]{0,5}$/.test(keep)) {
    throw new CodedError('CLI_USAGE', `Cannot keep ${keep} releases: wanted a number from 1 on`)
  }
  const store = await openStoreAt(place)
  const done = await store.collect(keep === undefined ? {} : { keep: Number(keep) })
  if (json === true) {
    printJson(done)
    return
  }
  const { entries, releases, images, blobs, bytes, signatures, leases, leftovers } = done
  process.stdout.write(
    `gave up ${entries} releases; removed ${releases} records, ${images} images, ${blobs} blobs (${printBytes(bytes)}), ${signatures} signatures, ${leases} leases, ${leftovers} leftovers\n`,
  )
}
