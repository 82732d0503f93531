/**
 * What tenants have published is there before the first request, as far as it is known that this would wait for it: all of those whose `pm`
 * keeps instances, with their instances; of the others what takes long to load, and no instances.
 */
import type { Clock } from '../base/clock.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import type { TenantConfig } from '../config/config.ts'
import type { Prepared } from '../gateway/published-handler.ts'
import type { Tenant } from '../gateway/tenant.ts'
import { rehearsalOf } from '../gateway/warm-requests.ts'
import { type BootTurns, rehearse } from '../guest/boot.ts'
import { SMALL_MODULE_BYTES } from '../guest/load-turns.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import type { HardenedModule } from '../store/release.ts'

/** Tenants. */
const PREPARED_AT_ONCE = 8

/** A worker does not wait longer for all of them, in milliseconds: those that are left are prepared while it serves. */
const MOST_WAIT_MS = 45_000

/** Of tenants whose `pm` keeps nothing so many are looked up: a look takes a fraction of a millisecond. */
export const MAX_LOOKED_UP = 250

/** The modules that are loaded for them may add up to so much, hardened. */
export const MAX_LOADED_AHEAD_BYTES: number = 64 * 1024 * 1024

/** Processor time of a run that nobody has asked for, and time that it may wait, in milliseconds. */
export const REHEARSAL_MS = 500

export interface PrepareParts {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly workFor: (tenant: TenantConfig) => BootTurns | undefined
}

/** Of those that may have published. What cannot be had is left to the first request, which is told why. Never rejects. */
export async function preparePublished(
  tenants: readonly Tenant[],
  parts: PrepareParts,
): Promise<void> {
  const { clock } = parts
  const late = Promise.withResolvers<void>()
  const timer = clock.after(MOST_WAIT_MS, late.resolve)
  const work = prepareAll(tenants, parts)
  await Promise.race([work, late.promise])
  timer.cancel()
}

async function prepareAll(tenants: readonly Tenant[], parts: PrepareParts): Promise<void> {
  const [keeping, others] = [true, false].map((keeps) =>
    tenants.filter(({ config }) => (config.pm !== 'ondemand') === keeps),
  ) as [Tenant[], Tenant[]]
  const each = (
    some: readonly Tenant[],
    isWanted: (module: HardenedModule) => boolean,
  ): Promise<void> =>
    someAtOnce(some, PREPARED_AT_ONCE, (tenant) =>
      prepare(tenant, isWanted, parts).catch(() => undefined),
    )
  await each(keeping, () => true)
  await each(others.slice(0, MAX_LOOKED_UP), someLargeOnes())
}

/** Each module is counted once, however many have it. */
function someLargeOnes(): (module: HardenedModule) => boolean {
  const chosen = new Set<string>()
  let leftBytes = MAX_LOADED_AHEAD_BYTES
  return ({ bytes, digest }) => {
    if (chosen.has(digest)) return true
    if (bytes <= SMALL_MODULE_BYTES || bytes > leftBytes) return false
    chosen.add(digest)
    leftBytes -= bytes
    return true
  }
}

async function prepare(
  tenant: Tenant,
  isWanted: (module: HardenedModule) => boolean,
  parts: PrepareParts,
): Promise<void> {
  const { scheduler } = parts
  const { engine, maxRequests, name, pm } = tenant.config
  for (const prepared of (await tenant.published?.prepare(isWanted)) ?? []) {
    const { module, settings } = prepared
    tenant.state ??= scheduler.stateOf(name, tenant.slots)
    const { state } = tenant
    if (isWorthRehearsing(prepared)) await rehearseFor(tenant, prepared, parts)
    if (pm === 'ondemand') continue
    const { place: placeName, sizing } = settings
    await scheduler.makeSpares({ state, module, engine, placeName, sizing, maxRequests })
  }
}

/** Other programs are small, or not made for requests that end without a trace. */
function isWorthRehearsing({ bytes, module }: Prepared): boolean {
  return module.component !== undefined && bytes > SMALL_MODULE_BYTES
}

function rehearseFor(
  { config, wasiLimits: limits }: Tenant,
  { module, settings }: Prepared,
  { clock, workFor }: PrepareParts,
): Promise<void> {
  return rehearse(module, {
    ...rehearsalOf(settings, { hosts: config.hosts, limits }),
    ...{ clock, turns: () => workFor(config) },
    cpuMs: Math.min(settings.cpuMs, REHEARSAL_MS),
    wallMs: REHEARSAL_MS,
  })
}
