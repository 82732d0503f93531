/** `wasm-fpm promote`: makes a canary live, or changes its share. Nothing is verified or copied anew. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { printMs } from '../base/quantity.ts'
import type { Switched } from '../store/release-store.ts'
import type { CanaryPointer } from '../store/tenant-state.ts'
import { jsonOption, printJson } from './json.ts'
import {
  promoteRemote,
  readRemote,
  type ServerChoice,
  serverOption,
  type TenantLeftOut,
  tenantOption,
  withTenant,
} from './remote.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface PromoteOptions extends StorePlace {
  readonly tenant: string
  readonly handler?: string
  readonly weight?: string
  readonly server?: ServerChoice
  readonly json?: boolean
}

export function promoteCommand(): Command {
  return new Command('promote')
    .description('make the canary of a tenant live')
    .addOption(tenantOption('the tenant'))
    .option('--handler <NAME>', 'the handler; needed where several have a canary')
    .option('--weight <PERCENT>', 'let it stay a canary, but give it so many of the requests')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(promote)
}

/** Throws CLI_USAGE. */
export function parseWeight(text: string): number {
  if (/^[1-9][0-9]?$/.test(text)) return Number(text)
  throw new CodedError(
    'CLI_USAGE',
    `Cannot give a canary ${JSON.stringify(text)} of the requests: wanted a percentage from 1 to 99`,
  )
}

async function promote(given: TenantLeftOut<PromoteOptions>): Promise<void> {
  const options = withTenant(given)
  const weight = options.weight === undefined ? undefined : parseWeight(options.weight)
  const startMs = systemClock.nowMs()
  const switched = await change(options, weight)
  const ms = systemClock.nowMs() - startMs
  if (options.json === true) printJson({ ...switched, ms })
  else process.stdout.write(say(switched, ms))
}

async function change(
  { tenant, handler, server, ...place }: PromoteOptions,
  weight: number | undefined,
): Promise<Switched> {
  if (server !== undefined) return promoteRemote(readRemote(server), { tenant, handler, weight })
  const store = await openStoreAt(place)
  return weight === undefined
    ? await store.promote(tenant, handler)
    : await store.weighCanary(tenant, weight, handler)
}

function say({ tenant, handler, release, previous, canary }: Switched, ms: number): string {
  const time = `(${printMs(ms)})`
  if (canary !== undefined) return `${tenant}/${handler}: ${share(canary)} ${time}\n`
  return `${tenant}/${handler}: ${release.slice(0, 12)} is live, was ${previous?.slice(0, 12) ?? 'nothing'} ${time}\n`
}

function share({ release, weight, sticky }: CanaryPointer): string {
  return `${release.slice(0, 12)} gets ${weight} % of the ${sticky ? 'clients' : 'requests'}`
}
