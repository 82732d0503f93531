/** Which store a command works on. */
import { Option } from 'commander'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../config/load.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import { readSigners } from '../store/public-key.ts'
import { usualConfigFile } from './config-file.ts'

export interface StorePlace {
  readonly store?: string
  readonly config?: string
}

/** Which configuration that is, where none is named. */
export const WHICH_CONFIG =
  'default: without --store ./wasm-fpm.toml, then /etc/wasm-fpm/wasm-fpm.toml'

/** `--store DIR` of a command that works on a store. */
export function storeOption(): Option {
  return new Option(
    '--store <DIR>',
    `the store of releases (default: the configuration's, else ${DEFAULT_STORE})`,
  )
}

/** `--config FILE` of a command that needs nothing of it but its store. */
export function storeConfigOption(): Option {
  return new Option(
    '--config <FILE>',
    `whose store, and signers of tenants, hold (${WHICH_CONFIG})`,
  )
}

/** The configuration that holds, if any does: a store that is named alone is taken as it is. */
export function configOf({ store, config }: StorePlace): string | undefined {
  return config ?? (store === undefined ? usualConfigFile() : undefined)
}

/** With a configuration, tenants' `signers` hold. Rejects with STORE_NOT_A_STORE; throws `ConfigError`. */
export function openStoreAt(place: StorePlace): Promise<DirectoryStore> {
  const { store } = place
  const file = configOf(place)
  if (file === undefined) return DirectoryStore.open(store ?? DEFAULT_STORE, { clock: systemClock })
  const config = loadConfig(file)
  return DirectoryStore.open(store ?? config.store ?? DEFAULT_STORE, {
    clock: systemClock,
    signersOf: (name) =>
      readSigners(config.tenants.find((tenant) => tenant.name === name)?.signers ?? []),
  })
}
