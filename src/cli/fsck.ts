/** `wasm-fpm fsck`: reads every byte of a store of releases and says what is not as it was written. Changes nothing. */
import { Command } from 'commander'
import { harmless } from '../base/harmless.ts'
import { printBytes } from '../base/quantity.ts'
import type { StoreCheck } from '../store/release-store.ts'
import { ExitCode } from './exit-code.ts'
import { jsonOption, printJson } from './json.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface FsckOptions extends StorePlace {
  readonly json?: boolean
}

export function fsckCommand(): Command {
  return new Command('fsck')
    .description('check a store of releases; exits with 1 when something is damaged')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(check)
}

async function check(options: FsckOptions): Promise<void> {
  const store = await openStoreAt(options)
  const found = await store.check()
  if (options.json === true) printJson(found)
  else process.stdout.write(toText(found))
  if (found.problems.length > 0) process.exitCode = ExitCode.Failure
}

function toText(check: StoreCheck): string {
  const { problems, tenants, releases, signatures, blobs, bytes, leftovers } = check
  const lines = problems.map(
    ({ kind, subject, message }) => `${kind}: ${harmless(`${subject}: ${message}`)}\n`,
  )
  const verdict = problems.length === 0 ? 'clean' : `${problems.length} problems`
  const rest =
    leftovers === 0 ? '' : `; ${leftovers} things nobody names (\`wasm-fpm collect\` removes them)`
  return `${lines.join('')}${verdict}: ${tenants} tenants, ${releases} releases, ${signatures} signatures, ${blobs} blobs of ${printBytes(bytes)}${rest}\n`
}
