/** `wasm-fpm rollback`: makes an earlier release of a tenant live again; nothing is verified or copied anew. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import type { Switched } from '../store/release-store.ts'

interface RollbackOptions {
  readonly tenant: string
  readonly handler?: string
  readonly withdraw?: boolean
  readonly store: string
  readonly json?: boolean
}

export function rollbackCommand(): Command {
  return new Command('rollback')
    .description('make an earlier release of a tenant live again')
    .argument('[release]', 'its digest or the start of it, or its number (default: the one before)')
    .requiredOption('--tenant <T>', 'the tenant')
    .option('--handler <NAME>', 'the handler; needed where a tenant has several')
    .option('--withdraw', 'take the handler off the air instead')
    .option('--store <DIR>', 'the store of releases', DEFAULT_STORE)
    .option('--json', 'print JSON')
    .action(rollback)
}

async function rollback(wanted: string | undefined, options: RollbackOptions): Promise<void> {
  const { tenant, handler, json } = options
  const store = await DirectoryStore.open(options.store, { clock: systemClock })
  if (options.withdraw === true) {
    if (handler === undefined || wanted !== undefined) throw usage()
    const { release } = await store.withdraw(tenant, handler)
    const text = `${tenant}/${handler} is off the air; ${release.slice(0, 12)} was live\n`
    process.stdout.write(json === true ? `${JSON.stringify({ tenant, handler, release })}\n` : text)
    return
  }
  const startMs = systemClock.nowMs()
  const switched =
    wanted === undefined
      ? await store.rollBack(tenant, handler)
      : await store.switchTo(tenant, await find(store, wanted, options))
  const ms = systemClock.nowMs() - startMs
  process.stdout.write(
    json === true ? `${JSON.stringify({ ...switched, ms })}\n` : say(switched, ms),
  )
}

function say({ tenant, handler, release, previous }: Switched, ms: number): string {
  const before = previous === undefined ? 'nothing' : previous.slice(0, 12)
  return `${tenant}/${handler}: ${release.slice(0, 12)} is live, was ${before} (${ms.toFixed(1)} ms)\n`
}

async function find(
  store: DirectoryStore,
  wanted: string,
  { tenant, handler }: RollbackOptions,
): Promise<string> {
  const all = await store.releases(tenant)
  const own = handler === undefined ? all : all.filter((one) => one.handler === handler)
  const isNumber = /^[0-9]{1,9}$/.test(wanted)
  const byNumber = own.filter(({ number }) => isNumber && String(number) === wanted)
  const byDigest = own.filter(({ release }) => wanted.length >= 6 && release.startsWith(wanted))
  const found = byNumber.length > 0 ? byNumber : byDigest
  const [only] = found
  if (only !== undefined && found.length === 1) return only.release
  throw new CodedError(
    'STORE_UNKNOWN_RELEASE',
    `Cannot roll back ${tenant} to ${JSON.stringify(wanted)}: ${found.length} releases are called so, wanted one (a number, or at least 6 digits of a digest; see \`wasm-fpm releases\`)`,
  )
}

function usage(): CodedError {
  return new CodedError(
    'CLI_USAGE',
    'Cannot withdraw: it takes --handler NAME and no release, wanted that',
  )
}
