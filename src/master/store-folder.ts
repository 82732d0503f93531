/** Which store of releases the workers read. */
import { systemClock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE, mayBeStore } from '../store/open-store.ts'

/**
 * `config` with the store it means: the one it names, which is made if it is not there, or else the usual one, which the
 * first publication makes. Rejects with `StoreError`.
 */
export async function withStore(config: Config): Promise<Config> {
  if (config.store !== undefined) {
    await DirectoryStore.make(config.store, { clock: systemClock })
    return config
  }
  // The admin API publishes: workers have to know from the start where to.
  if (config.admin !== undefined) return withStore({ ...config, store: DEFAULT_STORE })
  return (await mayBeStore(DEFAULT_STORE)) ? { ...config, store: DEFAULT_STORE } : config
}
