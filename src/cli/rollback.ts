/** `wasm-fpm rollback`: gives up a canary, or makes an earlier release live again; nothing is verified or copied anew. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { printMs } from '../base/quantity.ts'
import type { Digest } from '../store/digest.ts'
import { findRelease } from '../store/find-release.ts'
import type { Switched } from '../store/release-store.ts'
import { jsonOption, printJson } from './json.ts'
import {
  readRemote,
  rollBackRemote,
  type ServerChoice,
  serverOption,
  type TenantLeftOut,
  tenantOption,
  withdrawRemote,
  withTenant,
} from './remote.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface RollbackOptions extends StorePlace {
  readonly tenant: string
  readonly handler?: string
  readonly withdraw?: boolean
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function rollbackCommand(): Command {
  return new Command('rollback')
    .description('give up a canary, or make an earlier release of a tenant live again')
    .argument(
      '[release]',
      'its digest or the start of it, or its number (default: the canary is given up, else the one that was live before is live again)',
    )
    .addOption(tenantOption('the tenant'))
    .option('--handler <NAME>', 'the handler; needed where a tenant has several')
    .option('--withdraw', 'take the handler off the air instead')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(rollback)
}

async function rollback(
  wanted: string | undefined,
  given: TenantLeftOut<RollbackOptions>,
): Promise<void> {
  const options = withTenant(given)
  const { tenant, handler, json } = options
  if (options.withdraw === true) {
    if (handler === undefined || wanted !== undefined) throw usage()
    const { release } = await withdraw(handler, options)
    if (json === true) printJson({ tenant, handler, release })
    else {
      process.stdout.write(
        `${tenant}/${handler} is off the air; ${release.slice(0, 12)} was live\n`,
      )
    }
    return
  }
  const startMs = systemClock.nowMs()
  const switched = await goBack(wanted, options)
  const ms = systemClock.nowMs() - startMs
  if (json === true) printJson({ ...switched, ms })
  else process.stdout.write(say(switched, ms))
}

async function withdraw(
  handler: string,
  { tenant, server, ...place }: RollbackOptions,
): Promise<{ readonly release: Digest }> {
  if (server !== undefined) return withdrawRemote(readRemote(server), { tenant, handler })
  return (await openStoreAt(place)).withdraw(tenant, handler)
}

async function goBack(
  wanted: string | undefined,
  { tenant, handler, server, ...place }: RollbackOptions,
): Promise<Switched> {
  if (server !== undefined) {
    return rollBackRemote(readRemote(server), { tenant, handler, release: wanted })
  }
  const store = await openStoreAt(place)
  if (wanted === undefined) return store.rollBack(tenant, handler)
  const choice = { tenant, handler, doing: `roll back ${tenant} to` }
  return store.switchTo(tenant, (await findRelease(store, wanted, choice)).release)
}

function say(switched: Switched, ms: number): string {
  const { tenant, handler, release, previous, droppedCanary } = switched
  if (droppedCanary !== undefined && previous === release) {
    return `${tenant}/${handler}: ${droppedCanary.slice(0, 12)} is no canary any more, ${release.slice(0, 12)} gets all requests (${printMs(ms)})\n`
  }
  const before = previous === undefined ? 'nothing' : previous.slice(0, 12)
  return `${tenant}/${handler}: ${release.slice(0, 12)} is live, was ${before} (${printMs(ms)})\n`
}

function usage(): CodedError {
  return new CodedError(
    'CLI_USAGE',
    'Cannot withdraw: it takes --handler NAME and no release, wanted that',
  )
}
