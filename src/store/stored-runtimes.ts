/** The modules of runtimes in a store, by name. A server that is told no file looks for them there. */
import { dirname } from 'node:path'
import { type Layout, RUNTIME_ENDING } from './layout.ts'
import { draftPath } from './replace-file.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'

export interface StoredRuntime {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly modifiedMs: number
}

/** The old module or the new one, whatever happens. Rejects with `StoreError`. */
export async function putRuntime(
  layout: Layout,
  { name, module }: { readonly name: string; readonly module: Uint8Array },
  files: StoreFiles = nodeFiles,
): Promise<string> {
  const path = layout.runtime(name)
  const draft = draftPath(layout)
  await files.makeFolder(layout.runtimes)
  await files.syncFolder(dirname(layout.runtimes))
  await files.create(draft, module)
  await files.rename(draft, path)
  await files.syncFolder(layout.runtimes)
  return path
}

/** By name. Rejects with `StoreError`. */
export async function listRuntimes(
  layout: Layout,
  files: StoreFiles = nodeFiles,
): Promise<readonly StoredRuntime[]> {
  const found: StoredRuntime[] = []
  for (const entry of await files.list(layout.runtimes)) {
    if (!entry.name.endsWith(RUNTIME_ENDING)) continue
    const name = entry.name.slice(0, -RUNTIME_ENDING.length)
    const path = layout.runtime(name)
    const status = await files.status(path)
    if (status?.kind === 'file')
      found.push({ name, path, bytes: status.bytes, modifiedMs: status.modifiedMs })
  }
  return found
}

/** False: there was none. Rejects with `StoreError`. */
export async function removeRuntime(
  layout: Layout,
  name: string,
  files: StoreFiles = nodeFiles,
): Promise<boolean> {
  const wasThere = await files.remove(layout.runtime(name))
  if (wasThere) await files.syncFolder(layout.runtimes)
  return wasThere
}
