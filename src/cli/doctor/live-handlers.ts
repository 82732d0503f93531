/** Which handlers of which tenants are live in the configuration's store, as far as whoever asks can see. */
import { systemClock } from '../../base/clock.ts'
import type { Config } from '../../config/config.ts'
import { DirectoryStore } from '../../store/directory-store.ts'
import { DEFAULT_STORE, isStore } from '../../store/open-store.ts'

/** By tenant. A store that is not there, or cannot be read, has none. */
export async function readLiveHandlers({
  store: folder = DEFAULT_STORE,
  tenants,
}: Pick<Config, 'store' | 'tenants'>): Promise<ReadonlyMap<string, readonly string[]>> {
  const published = new Map<string, readonly string[]>()
  if (!(await isStore(folder))) return published
  const store = await DirectoryStore.open(folder, { clock: systemClock })
  for (const { name } of tenants) {
    const state = await store.state(name).catch(() => undefined)
    if (state !== undefined) published.set(name, Object.keys(state.handlers))
  }
  return published
}
