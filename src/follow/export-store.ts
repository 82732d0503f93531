/**
 * Writes a store as plain files that a web server can hand out, and brings such a copy up to date: who does so again and again reads what has
 * changed since, and nothing else.
 */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import { storeFileError } from '../store/errors.ts'
import { MAX_OWN_FILE_BYTES } from '../store/limits.ts'
import { Replica, WRITTEN_AT_ONCE } from '../store/replica.ts'
import { filesAtOnce } from '../store/store-files.ts'
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

/** One that is exported again and again. */
export class FolderExport {
  readonly #source: FolderSource
  readonly #copy: FolderSource
  readonly #replica: Replica
  readonly #folder: string
  /** As they were last read, here and in the copy. */
  #pointers: ReadonlyMap<string, Uint8Array> = new Map()
  #there: ReadonlyMap<string, Uint8Array> = new Map()
  /** Of them, those that the copy has. */
  readonly #done = new Map<string, Uint8Array>()
  /** What the copy has of each tenant, but for those that have changed since. */
  readonly #indexed = new Map<string, IndexedTenant>()
  /** Which file the index was when it was written last. */
  #indexStamp = ''

  private constructor(parts: {
    readonly source: FolderSource
    readonly copy: FolderSource
    readonly replica: Replica
    readonly folder: string
  }) {
    const { source, copy, replica, folder } = parts
    this.#source = source
    this.#copy = copy
    this.#replica = replica
    this.#folder = folder
  }

  /** `from`: a store's folder. `to`: where the copy is, or is to be: an empty folder, or none. Rejects with `StoreError`. */
  static async open(from: string, to: string, clock: Clock): Promise<FolderExport> {
    return new FolderExport({
      source: new FolderSource(from, clock),
      copy: new FolderSource(to, clock),
      replica: await Replica.make(to, { clock }),
      folder: to,
    })
  }

  /**
   * The index is replaced last, in one step. Rejects with `StoreError` and `FollowError`; the copy is then as it was, as far as its index is
   * concerned, and it can be run again.
   */
  async run(): Promise<Exported> {
    const index = join(this.#folder, INDEX_FILE)
    if ((await stampOf(index)) !== this.#indexStamp) {
      // Somebody else has written it, or taken it away, and the copy with it perhaps.
      this.#indexed.clear()
      this.#done.clear()
    }
    this.#pointers = (await this.#source.look())?.all ?? this.#pointers
    const left = [...this.#pointers].filter(([tenant, live]) => this.#done.get(tenant) !== live)
    let [changed, newBytes] = [0, 0]
    await someAtOnce(left, WRITTEN_AT_ONCE, async ([tenant, live]) => {
      if (!(await this.#replica.isInStep(tenant, live))) {
        this.#indexed.delete(tenant)
        newBytes += await this.#replica.follow(this.#source, tenant, live)
        changed += 1
      }
      this.#done.set(tenant, live)
    })
    await this.#writeIndex(index)
    this.#indexStamp = await stampOf(index)
    return { tenants: this.#pointers.size, changed, newBytes }
  }

  async #writeIndex(path: string): Promise<void> {
    this.#there = (await this.#copy.look())?.all ?? this.#there
    const tenants: Record<string, IndexedTenant> = {}
    for (const [tenant, live] of this.#there) tenants[tenant] = await this.#index(tenant, live)
    await this.#replaceIndex(path, { format: 1, tenants })
  }

  async #index(tenant: string, live: Uint8Array): Promise<IndexedTenant> {
    const text = Buffer.from(live).toString('utf8')
    const before = this.#indexed.get(tenant)
    if (before?.live === text) return before
    const published = await this.#copy.list(`tenants/${tenant}`)
    const now: IndexedTenant = {
      live: text,
      published: published.map((name) => name.replace(/\.json$/, '')).sort(),
      signatures: (await this.#copy.list(`signatures/${tenant}`)).toSorted(),
    }
    this.#indexed.set(tenant, now)
    return now
  }

  async #replaceIndex(path: string, index: ExportIndex): Promise<void> {
    const draft = join(this.#folder, `.${INDEX_FILE}`)
    const contents = Buffer.from(JSON.stringify(index))
    const before = await filesAtOnce.read(path, contents.length + MAX_OWN_FILE_BYTES)
    // The same file keeps its time, and with it what web servers make of that: its ETag.
    if (before !== undefined && Buffer.compare(before, contents) === 0) return
    await filesAtOnce.remove(draft)
    await filesAtOnce.create(draft, contents)
    await makeLater(draft, path)
    await filesAtOnce.rename(draft, path)
    await filesAtOnce.syncFolder(this.#folder)
  }
}

/**
 * Web servers and rsync tell files of one length apart by the second, and two publications may come within one; the clock may have been put back, too. So
 * no index has the time of the one before.
 */
async function makeLater(draft: string, before: string): Promise<void> {
  const old = await filesAtOnce.status(before)
  const own = await filesAtOnce.status(draft)
  if (old === undefined || own === undefined) return
  const nextSecond = Math.floor(old.modifiedMs / 1000) + 1
  if (own.modifiedMs / 1000 >= nextSecond) return
  await utimes(draft, nextSecond, nextSecond).catch((cause: unknown) => {
    throw storeFileError(`write ${draft}`, cause)
  })
}

/** Empty: there is none. */
async function stampOf(path: string): Promise<string> {
  const status = await filesAtOnce.status(path)
  return status === undefined ? '' : `${status.inode}:${status.modifiedMs}:${status.bytes}`
}
