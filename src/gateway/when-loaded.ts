/**
 * A request waits for a module that is being read and compiled as it waits for an instance: as long as `queue.timeout` says (and
 * `limits.wall`), and with as many others as `queue.max` says. The loading goes on; the next request finds the module there.
 */
import type { GuestModule } from '../guest/guest-module.ts'
import { PoolError } from '../pool/errors.ts'
import type { Scene } from './guest-run.ts'
import type { Tenant } from './tenant.ts'

/** Requests that wait, by tenant. */
const waiting = new WeakMap<Tenant, number>()

/** Rejects as `loading` does, or with POOL_QUEUE_FULL, POOL_QUEUE_TIMEOUT, POOL_ABORTED. */
export async function whenLoaded(
  loading: Promise<GuestModule>,
  { tenant, target, request, gateway }: Scene,
): Promise<GuestModule> {
  const { maxChildren, queueMax, queueTimeoutMs } = tenant.slots
  const others = waiting.get(tenant) ?? 0
  if (others >= maxChildren + queueMax) {
    throw refusal('POOL_QUEUE_FULL', tenant, `${others} requests wait for its modules already`)
  }
  waiting.set(tenant, others + 1)
  const waitMs = Math.min(queueTimeoutMs, target.settings.wallMs)
  const gaveUp = Promise.withResolvers<never>()
  const timer = gateway.clock.after(waitMs, () => {
    const why = `its module was still being loaded after ${waitMs} ms, all it may wait`
    gaveUp.reject(refusal('POOL_QUEUE_TIMEOUT', tenant, why))
  })
  request.onAbort(() => {
    const why = 'the web server gave it up while its module was loaded'
    gaveUp.reject(refusal('POOL_ABORTED', tenant, why))
  })
  try {
    return await Promise.race([loading, gaveUp.promise])
  } finally {
    timer.cancel()
    waiting.set(tenant, (waiting.get(tenant) ?? 1) - 1)
  }
}

function refusal(code: PoolError['code'], { config }: Tenant, why: string): PoolError {
  return new PoolError(code, `Cannot run a request of tenant ${config.name}: ${why}`)
}
