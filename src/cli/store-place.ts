/** Which store a command works on. */
import { Option } from 'commander'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../config/load.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import { readSigners } from '../store/signing-key.ts'

export interface StorePlace {
  readonly store?: string
  readonly config?: string
}

/** `--store DIR` of a command that works on a store. */
export function storeOption(): Option {
  return new Option(
    '--store <DIR>',
    `the store of releases (default: that of --config, else ${DEFAULT_STORE})`,
  )
}

/** `--config FILE` of a command that needs nothing of it but its store. */
export function storeConfigOption(): Option {
  return new Option(
    '--config <FILE>',
    'a configuration: its store, and the signers of its tenants, hold',
  )
}

/** With a configuration, tenants' `signers` hold. Rejects with STORE_NOT_A_STORE; throws `ConfigError`. */
export function openStoreAt({ store, config: file }: StorePlace): Promise<DirectoryStore> {
  if (file === undefined) return DirectoryStore.open(store ?? DEFAULT_STORE, { clock: systemClock })
  const config = loadConfig(file)
  return DirectoryStore.open(store ?? config.store ?? DEFAULT_STORE, {
    clock: systemClock,
    signersOf: (name) =>
      readSigners(config.tenants.find((tenant) => tenant.name === name)?.signers ?? []),
  })
}
