/** `wasm-fpm fsck`: reads every byte of a store of releases and says what is not as it was written. Changes nothing. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import type { StoreCheck } from '../store/release-store.ts'
import { ExitCode } from './exit-code.ts'

interface FsckOptions {
  readonly store: string
  readonly json?: boolean
}

export function fsckCommand(): Command {
  return new Command('fsck')
    .description('check a store of releases; exits with 1 when something is damaged')
    .option('--store <DIR>', 'the store of releases', DEFAULT_STORE)
    .option('--json', 'print JSON')
    .action(check)
}

async function check({ store: folder, json }: FsckOptions): Promise<void> {
  const store = await DirectoryStore.open(folder, { clock: systemClock })
  const found = await store.check()
  process.stdout.write(json === true ? `${JSON.stringify(found, undefined, 2)}\n` : toText(found))
  if (found.problems.length > 0) process.exitCode = ExitCode.Failure
}

function toText({ problems, tenants, releases, blobs, bytes, leftovers }: StoreCheck): string {
  const lines = problems.map(({ kind, subject, message }) => `${kind}: ${subject}: ${message}\n`)
  const verdict = problems.length === 0 ? 'clean' : `${problems.length} problems`
  const rest =
    leftovers === 0 ? '' : `; ${leftovers} things nobody names (\`wasm-fpm collect\` removes them)`
  return `${lines.join('')}${verdict}: ${tenants} tenants, ${releases} releases, ${blobs} blobs of ${bytes} bytes${rest}\n`
}
