/** What tenants keep ready is there before the first request, as far as it is known what that will ask for: the handlers that they have published. */
import type { Clock } from '../base/clock.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import type { Tenant } from '../gateway/tenant.ts'
import type { Scheduler } from '../pool/scheduler.ts'

/** Tenants. */
const PREPARED_AT_ONCE = 8

/** A worker does not wait longer for all of them, in milliseconds: those that are left are prepared while it serves. */
const MOST_WAIT_MS = 45_000

/** For tenants that have published and whose `pm` keeps instances. What cannot be had is left to the first request, which is told why. Never rejects. */
export async function prepareSpares(
  tenants: readonly Tenant[],
  { clock, scheduler }: { readonly clock: Clock; readonly scheduler: Scheduler },
): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(MOST_WAIT_MS, late.resolve)
  const work = someAtOnce(tenants, PREPARED_AT_ONCE, (tenant) =>
    prepare(tenant, scheduler).catch(() => undefined),
  )
  await Promise.race([work, late.promise])
  timer.cancel()
}

async function prepare(tenant: Tenant, scheduler: Scheduler): Promise<void> {
  const { engine, maxRequests, name } = tenant.config
  for (const { module, settings } of (await tenant.published?.prepare()) ?? []) {
    tenant.state ??= scheduler.stateOf(name, tenant.slots)
    const { state } = tenant
    const { place: placeName, sizing } = settings
    await scheduler.makeSpares({ state, module, engine, placeName, sizing, maxRequests })
  }
}
