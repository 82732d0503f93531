/** Writes a store as plain files that a web server can hand out, and brings such a copy up to date. */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import { MAX_OWN_FILE_BYTES } from '../store/limits.ts'
import { Replica, WRITTEN_AT_ONCE } from '../store/replica.ts'
import { nodeFiles } from '../store/store-files.ts'
import { type ExportIndex, INDEX_FILE, type IndexedTenant } from './export-index.ts'
import { FolderSource } from './folder-source.ts'

export interface Exported {
  readonly tenants: number
  /** Of them, those that were not as they are now. */
  readonly changed: number
  /** Those whose pointer there is newer: they are left alone. Undefined: nobody else writes there. */
  readonly newer?: number
  /** Of releases, that were not there yet. */
  readonly newBytes: number
}

/**
 * `from`: a store's folder. `to`: where the copy is, or is to be: an empty folder, or none. The index is replaced last, in one step. Rejects with
 * `StoreError` and `FollowError`; the copy is then as it was, as far as its index is concerned.
 */
export async function exportStore(from: string, to: string, clock: Clock): Promise<Exported> {
  const source = new FolderSource(from, clock)
  const pointers = (await source.look())?.all ?? new Map<string, Uint8Array>()
  const replica = await Replica.make(to, { clock })
  let [changed, newBytes] = [0, 0]
  await someAtOnce(pointers, WRITTEN_AT_ONCE, async ([tenant, live]) => {
    if (await replica.isInStep(tenant, live)) return
    const more = await replica.follow(source, tenant, live)
    newBytes += more
    changed += 1
  })
  await writeIndex(new FolderSource(to, clock), to)
  return { tenants: pointers.size, changed, newBytes }
}

async function writeIndex(copy: FolderSource, folder: string): Promise<void> {
  const tenants: Record<string, IndexedTenant> = {}
  for (const [tenant, live] of (await copy.look())?.all ?? []) {
    const published = await copy.list(`tenants/${tenant}`)
    tenants[tenant] = {
      live: Buffer.from(live).toString('utf8'),
      published: published.map((name) => name.replace(/\.json$/, '')).sort(),
      signatures: (await copy.list(`signatures/${tenant}`)).toSorted(),
    }
  }
  const index: ExportIndex = { format: 1, tenants }
  const [path, draft] = [join(folder, INDEX_FILE), join(folder, `.${INDEX_FILE}`)]
  const contents = Buffer.from(JSON.stringify(index))
  const before = await nodeFiles.read(path, contents.length + MAX_OWN_FILE_BYTES)
  // The same file keeps its time, and with it what web servers make of that: its ETag.
  if (before !== undefined && Buffer.compare(before, contents) === 0) return
  await nodeFiles.remove(draft)
  await nodeFiles.create(draft, contents)
  await nodeFiles.rename(draft, path)
  await nodeFiles.syncFolder(folder)
}
