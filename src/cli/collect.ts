/** `wasm-fpm collect`: removes from a store what no release names, and on request old releases. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'

interface CollectCommandOptions {
  readonly keep?: string
  readonly store: string
  readonly json?: boolean
}

export function collectCommand(): Command {
  return new Command('collect')
    .description('remove from the store what no release names; never what is live or running')
    .option('--keep <N>', 'also give up releases, but the N newest of each handler (default: none)')
    .option('--store <DIR>', 'the store of releases', DEFAULT_STORE)
    .option('--json', 'print JSON')
    .action(collect)
}

async function collect({ keep, store: folder, json }: CollectCommandOptions): Promise<void> {
  if (keep !== undefined && !/^[1-9][0-9]{0,5}$/.test(keep)) {
    throw new CodedError('CLI_USAGE', `Cannot keep ${keep} releases: wanted a number from 1 on`)
  }
  const store = await DirectoryStore.open(folder, { clock: systemClock })
  const done = await store.collect(keep === undefined ? {} : { keep: Number(keep) })
  const { entries, releases, images, blobs, bytes, leases, leftovers } = done
  process.stdout.write(
    json === true
      ? `${JSON.stringify(done)}\n`
      : `gave up ${entries} releases; removed ${releases} records, ${images} images, ${blobs} blobs (${bytes} bytes), ${leases} leases, ${leftovers} leftovers\n`,
  )
}
