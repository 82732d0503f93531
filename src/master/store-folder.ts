/** Which store of releases the workers read. */
import { systemClock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import { withSessionFolders } from '../config/session-folders.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE, isStore, mayBeStore } from '../store/open-store.ts'

/**
 * `config` with the store it means: the one it names, which is made if it is not there, or else the usual one, which the
 * first publication makes; tenants have their folders for sessions there, if it is there. Rejects with `StoreError`.
 */
export async function withStore(config: Config): Promise<Config> {
  if (config.store !== undefined) {
    await DirectoryStore.make(config.store, { clock: systemClock })
    return withSessionFolders(config, config.store)
  }
  // They publish, or bring, releases: workers have to know from the start where to.
  if (config.admin !== undefined || config.follow !== undefined)
    return withStore({ ...config, store: DEFAULT_STORE })
  if (!(await mayBeStore(DEFAULT_STORE))) return config
  const usual = { ...config, store: DEFAULT_STORE }
  return (await isStore(DEFAULT_STORE)) ? withSessionFolders(usual, DEFAULT_STORE) : usual
}
