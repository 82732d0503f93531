/** Takes a release back that fails too often, because a worker says so and the release's manifest allows it. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Config } from '../config/config.ts'
import type { FailingRelease } from '../ipc/messages.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { readSigners } from '../store/public-key.ts'

/**
 * Does nothing when the release is not live any more: another worker was first. Never rejects. `settings`: those of the
 * worker's pool; a worker has no say about other pools' tenants.
 */
export async function rollBack(
  { tenant, handler, release, requests, failures }: FailingRelease,
  { store: folder, tenants }: Config,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<void> {
  const line = { tenant, handler, release, requests, failures }
  if (folder === undefined || !tenants.some(({ name }) => name === tenant)) {
    logger.warn(line, 'a worker wants to roll back what is not its own')
    return
  }
  try {
    const signersOf = (name: string) =>
      readSigners(tenants.find((one) => one.name === name)?.signers ?? [])
    const store = await DirectoryStore.open(folder, { clock, signersOf })
    const switched = await store.rollBackFrom(tenant, handler, release)
    if (switched === undefined) return
    logger.error({ ...line, to: switched.release }, 'release failed too often and is rolled back')
  } catch (error) {
    logger.error(line, `release fails too often and cannot be rolled back: ${String(error)}`)
  }
}
