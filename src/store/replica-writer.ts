/**
 * Writes what was brought for tenants into the store, many of them in one turn of its lock: first all that is named by digests, then the
 * tenants' lists, then the pointers, each by a rename, and between these steps one sync for all of them.
 */
import { dirname, join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { BlobWriter } from './blob-writer.ts'
import type { Digest } from './digest.ts'
import type { Fetched } from './fetch-release.ts'
import type { Layout } from './layout.ts'
import { withLock } from './lock.ts'
import { makeReserve, type Replacement, replaceFile } from './replace-file.ts'
import type { StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import { encodeState, type TenantState } from './tenant-state.ts'

/** What is to change for a tenant. */
export interface TenantChange {
  readonly tenant: string
  readonly releases: readonly Fetched[]
  /** Its entries, and signatures. */
  readonly listed: readonly Replacement[]
  /** What is to be live, and which pointer that follows. */
  readonly state: TenantState
}

export interface WriterOptions {
  readonly layout: Layout
  readonly files: StoreFiles
  readonly clock: Clock
  readonly lockWaitMs: number
  /** A folder of our own on the same file system. */
  readonly scratch: () => Promise<string>
  /** Digests of blobs and images in the store that are known to be whole; what is written is added. */
  readonly verified: Set<Digest>
}

/** By where they are. */
type Drafts = ReadonlyMap<string, Replacement>

export class ReplicaWriter {
  readonly #options: WriterOptions
  readonly #reading: StoreReading
  #drafts = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.#reading = new StoreReading(options.layout, options.files)
  }

  /**
   * For each change the bytes that were new here. All of different tenants. Rejects with `StoreError`: then some of them may have been made, and
   * all can be tried again.
   */
  async write(changes: readonly TenantChange[]): Promise<readonly number[]> {
    const { layout, files } = this.#options
    return this.#inTurn(async () => {
      const all = changes.flatMap(({ releases }) => releases)
      const releases = new Map(all.map((one) => [one.digest, one]))
      const records = [...releases.values()].map(({ digest, record: contents }) => {
        const path = layout.release(digest)
        return { folder: dirname(path), path, contents }
      })
      const [ofRecords, listed, pointers] = [
        await this.#draft(records),
        await this.#draft(changes.flatMap((change) => change.listed)),
        await this.#draft(await this.#pointers(changes)),
      ]
      const fetched = [...releases.values()].flatMap(({ blobs }) => [...blobs.keys()])
      const drafts = [ofRecords, listed, pointers].flatMap((some) => [...some.keys()])
      const outer = await this.#makeFolders(listed)
      await files.syncAll([...new Set([...fetched, ...drafts, ...outer])])
      const newBytes = await this.#putReleases(releases, ofRecords)
      await this.#name(listed)
      await this.#name(pointers)
      return changes.map((change) => {
        let sum = 0
        for (const { digest } of change.releases) {
          sum += newBytes.get(digest) ?? 0
          // Of several that share it, the first one's.
          newBytes.delete(digest)
        }
        return sum
      })
    })
  }

  /** One that is alone, without releases: also on a full disk. */
  async writeAlone(change: TenantChange): Promise<void> {
    const { layout, files } = this.#options
    await this.#inTurn(async () => {
      const all = new Map(change.listed.map((one) => [one.path, one]))
      await files.syncAll(await this.#makeFolders(all))
      for (const one of all.values()) await replaceFile(layout, files, one)
      for (const one of await this.#pointers([change])) await replaceFile(layout, files, one)
    })
  }

  /** Bytes that were not there before, by release. */
  async #putReleases(
    releases: ReadonlyMap<Digest, Fetched>,
    records: Drafts,
  ): Promise<Map<Digest, number>> {
    const { layout, files, verified, scratch } = this.#options
    const newBytes = new Map<Digest, number>()
    if (releases.size === 0) return newBytes
    const writer = new BlobWriter(layout, files, { scratch: await scratch(), verified })
    for (const { digest, release, blobs, imagePath, imageFiles } of releases.values()) {
      const before = writer.newBytes
      for (const [path, blob] of blobs) await writer.putBlob(path, blob)
      if (release.image !== undefined)
        await writer.putImage(imagePath, release.image.digest, imageFiles)
      newBytes.set(digest, writer.newBytes - before)
    }
    await writer.sync()
    for (const [draft, { path }] of records) await writer.moveFile('releases', draft, path)
    await writer.sync()
    return newBytes
  }

  /** Those that are to be synced. */
  async #makeFolders(listed: Drafts): Promise<readonly string[]> {
    const { layout, files } = this.#options
    const folders = new Set([...listed.values()].map(({ folder }) => folder))
    const outer = new Set([...folders].map((folder) => dirname(folder)))
    if (outer.has(layout.signatures)) {
      // A store that was made before there were signatures has no folder for them.
      await files.makeFolder(layout.signatures)
      await files.syncFolder(layout.root)
    }
    for (const folder of folders) {
      if ((await files.status(folder)) === undefined) await files.makeFolder(folder)
    }
    return [...outer]
  }

  async #draft(all: readonly Replacement[]): Promise<Drafts> {
    const drafts = new Map<string, Replacement>()
    for (const one of all) {
      this.#drafts += 1
      const draft = join(await this.#options.scratch(), `draft-${this.#drafts}`)
      await this.#options.files.createUnsynced(draft, one.contents)
      drafts.set(draft, one)
    }
    return drafts
  }

  /** They are synced, and last under their names when this resolves. */
  async #name(drafts: Drafts): Promise<void> {
    const { files } = this.#options
    for (const [draft, { path }] of drafts) await files.rename(draft, path)
    await files.syncAll([...new Set([...drafts.values()].map(({ folder }) => folder))])
  }

  /** Of those for which something else is live now, or was followed. Numbers of switches never go back here, whatever has been switched here meanwhile. */
  async #pointers(changes: readonly TenantChange[]): Promise<readonly Replacement[]> {
    const { layout } = this.#options
    const pointers: Replacement[] = []
    for (const { tenant, state } of changes) {
      const before = await this.#reading.state(tenant)
      const isSame = JSON.stringify(before.handlers) === JSON.stringify(state.handlers)
      if (isSame && before.followed === state.followed) continue
      const sequence = isSame ? before.sequence : Math.max(state.sequence, before.sequence + 1)
      pointers.push({
        folder: layout.live,
        path: layout.pointer(tenant),
        contents: encodeState({ ...state, sequence }),
      })
    }
    return pointers
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const { layout, files, clock, lockWaitMs: waitMs } = this.#options
    return withLock({ files, folder: layout.lock, clock, waitMs }, async () => {
      const result = await work()
      await makeReserve(layout, files).catch(() => undefined)
      return result
    })
  }
}
