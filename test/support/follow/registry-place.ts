/** A store that is exported to a registry in this process, and followed from there. */
import { onTestFinished } from 'vitest'
import { exportToRegistry } from '../../../src/follow/export-registry.ts'
import { RecordSource } from '../../../src/follow/record-source.ts'
import { RegistryShelf } from '../../../src/follow/registry-shelf.ts'
import { DEFAULT_OCI_LIMITS } from '../../../src/oci/limits.ts'
import { parseReference } from '../../../src/oci/reference.ts'
import {
  type Behaviour,
  type FakeRegistry,
  startFake,
} from '../../integration/oci/fake-registry.ts'
import { type MemoryRegistry, memoryRegistry } from './memory-registry.ts'
import { clock, type SourcePlace } from './source-cases.ts'

export interface RegistryPlace extends SourcePlace {
  readonly memory: MemoryRegistry
  readonly registry: FakeRegistry
}

const LIMITS = { ...DEFAULT_OCI_LIMITS, tries: 1, idleMs: 500 }

/** `first`: asked before the registry. */
export async function registryPlace(store: string, first: Behaviour): Promise<RegistryPlace> {
  const memory = memoryRegistry()
  let isAway = false
  const away: Behaviour = (_asked, response) => {
    if (isAway) response.destroy()
    return isAway
  }
  const registry = await startFake(away, first, memory.behaviour)
  onTestFinished(() => registry.stop())
  const reference = parseReference(`oci://${registry.host}/fleet/store:live`)
  const options = { clock, limits: LIMITS }
  return {
    ...{ memory, registry, source: new RecordSource(new RegistryShelf(reference, options)) },
    sync: async () => void (await exportToRegistry(store, reference, options)),
    spoil: async (path, contents) => {
      const digest = `sha256:${/[0-9a-f]{64}/.exec(path)?.[0]}`
      if (contents === undefined) memory.blobs.delete(digest)
      else memory.blobs.set(digest, contents)
    },
    takeAway: async () => {
      isAway = true
    },
    bringBack: async () => {
      isAway = false
    },
    asked: () => registry.asked.length,
  }
}
