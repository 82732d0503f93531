/**
 * A store of releases in a folder (layout.ts).
 *
 * Whatever is named by a digest is put together in a workspace, synced, and given its name in one step; a pointer is
 * replaced by renaming a synced file over it, after everything it leads to has been made to last. A power cut at
 * any point leaves either pointer, and both lead to whole releases.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { BlobWriter } from './blob-writer.ts'
import { checkStore } from './check-store.ts'
import { collectStore } from './collect-store.ts'
import type { Digest } from './digest.ts'
import { StoreError, storeLimitError } from './errors.ts'
import { checkName, type Layout } from './layout.ts'
import { DEFAULT_STORE_LIMITS, MAX_OWN_FILE_BYTES, type StoreLimits } from './limits.ts'
import { type LockOptions, withLock } from './lock.ts'
import { makeReserve, makeStore, openStore } from './open-store.ts'
import { ownerText, thisOwner } from './owner.ts'
import { encodeListing, encodeRelease, type Release } from './release.ts'
import { routesOf } from './release-routes.ts'
import type {
  Collected,
  CollectOptions,
  PublishedRelease,
  ReleaseDraft,
  ReleaseStore,
  StoreCheck,
  Stored,
  Switched,
  Workspace,
} from './release-store.ts'
import { routeConflict } from './routes.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import { encodeEntry, encodeState, type LivePointer, type TenantState } from './tenant-state.ts'

export interface DirectoryStoreOptions {
  readonly clock: Clock
  readonly files?: StoreFiles
  readonly limits?: StoreLimits
}

export class DirectoryStore implements ReleaseStore {
  readonly layout: Layout
  readonly limits: StoreLimits
  readonly #files: StoreFiles
  readonly #clock: Clock
  readonly #reading: StoreReading
  #workspaces = 0

  /** Opens a store that is there. Rejects with STORE_NOT_A_STORE. */
  static async open(folder: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    return new DirectoryStore(await openStore(folder, options.files), options)
  }

  /** Opens a store, or makes one where there is nothing. */
  static async make(folder: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    return new DirectoryStore(await makeStore(folder, options.files), options)
  }

  private constructor(layout: Layout, { clock, files, limits }: DirectoryStoreOptions) {
    this.layout = layout
    this.limits = limits ?? DEFAULT_STORE_LIMITS
    this.#files = files ?? nodeFiles
    this.#clock = clock
    this.#reading = new StoreReading(layout, this.#files)
  }

  async makeWorkspace(): Promise<Workspace> {
    this.#workspaces += 1
    const name = `${ownerText(thisOwner())}-${this.#workspaces}-${randomBytes(4).toString('hex')}`
    const folder = join(this.layout.tmp, name)
    await this.#files.makeFolder(folder)
    // What cannot be removed now is removed by `collect`.
    const remove = () => this.#files.removeAll(folder).catch(() => undefined)
    return { folder, remove }
  }

  put(tenant: string, draft: ReleaseDraft): Promise<Stored> {
    const folder = this.layout.tenant(tenant)
    return this.#change(async (workspace) => {
      const entries = await this.#reading.entries(tenant)
      const { digest, bytes } = encodeRelease(draft.release)
      const isNew = !entries.some(({ release }) => release === digest)
      if (isNew && entries.length >= this.limits.releases) {
        throw storeLimitError(
          `publish for tenant ${tenant} (\`wasm-fpm collect --keep N\` helps)`,
          {
            limit: 'releases',
            actual: entries.length + 1,
            wanted: this.limits.releases,
          },
        )
      }
      const writer = new BlobWriter(this.layout, this.#files, workspace.folder)
      await this.#putContents(writer, draft, workspace)
      await writer.sync()
      await writer.putFile('releases', this.layout.release(digest), bytes)
      await writer.sync()
      const number = Math.max(0, ...entries.map((entry) => entry.number)) + 1
      const { name: handler } = draft.release.manifest
      const entry = { release: digest, handler, number, publishedAt: this.#now() }
      await this.#files.makeFolder(folder)
      await this.#files.syncFolder(this.layout.tenants)
      await this.#replace(folder, this.layout.published(tenant, digest), {
        contents: encodeEntry(entry),
        workspace,
      })
      const { blobs, sharedBlobs, newBytes } = writer
      return { release: digest, number, blobs, sharedBlobs, newBytes }
    })
  }

  switchTo(tenant: string, release: Digest): Promise<Switched> {
    return this.#changeEvenIfFull((workspace) => this.#switch(tenant, release, workspace))
  }

  rollBack(tenant: string, handler?: string): Promise<Switched> {
    return this.#changeEvenIfFull(async (workspace) => {
      const { name, pointer } = this.#liveHandler(tenant, await this.state(tenant), handler)
      const entries = await this.#reading.entries(tenant)
      const live = entries.find(({ release }) => release === pointer.release)?.number ?? 0
      const older = entries
        .filter((entry) => entry.handler === name && entry.number < live)
        .sort((a, b) => b.number - a.number)[0]
      if (older !== undefined) return this.#switch(tenant, older.release, workspace)
      throw new StoreError(
        'STORE_NO_OLDER_RELEASE',
        `Cannot roll back ${tenant}/${name}: the live release is the oldest, wanted one published before it`,
      )
    })
  }

  withdraw(tenant: string, handler: string): Promise<LivePointer> {
    return this.#changeEvenIfFull(async (workspace) => {
      const state = await this.state(tenant)
      const { name, pointer } = this.#liveHandler(tenant, state, handler)
      const handlers = Object.fromEntries(
        Object.entries(state.handlers).filter(([other]) => other !== name),
      )
      await this.#writeState(tenant, { sequence: state.sequence + 1, handlers }, workspace)
      return pointer
    })
  }

  state(tenant: string): Promise<TenantState> {
    return this.#reading.state(tenant)
  }

  async releases(tenant: string): Promise<readonly PublishedRelease[]> {
    const { handlers } = await this.state(tenant)
    const entries = await this.#reading.entries(tenant)
    return entries
      .map((entry) => ({
        ...entry,
        isLive: handlers[entry.handler]?.release === entry.release,
      }))
      .sort((a, b) => b.number - a.number)
  }

  release(digest: Digest): Promise<Release> {
    return this.#reading.release(digest)
  }

  tenants(): Promise<readonly string[]> {
    return this.#reading.tenants()
  }

  async check(): Promise<StoreCheck> {
    const work = (): Promise<StoreCheck> => checkStore(this.layout, this.#files)
    try {
      // With the lock: halfway through collecting, things would seem to be missing.
      return await withLock(this.#lockOptions(), work)
    } catch (error) {
      const code = error instanceof StoreError ? error.code : undefined
      // Who may not change the store, or cannot, may still look.
      if (code === 'STORE_FULL' || code === 'STORE_NOT_WRITABLE') return work()
      throw error
    }
  }

  collect(options: CollectOptions = {}): Promise<Collected> {
    return this.#changeEvenIfFull((workspace) =>
      collectStore(this.layout, this.#files, {
        ...options,
        scratch: workspace.folder,
        nowMs: Number(this.#clock.realtimeNs() / 1_000_000n),
      }),
    )
  }

  async #putContents(
    writer: BlobWriter,
    { release, originalPath, hardenedPath, imagePath, imageFiles }: ReleaseDraft,
    workspace: Workspace,
  ): Promise<void> {
    await writer.putBlob(originalPath, release.original)
    await writer.putBlob(hardenedPath, release.hardened)
    if (release.image === undefined || imagePath === undefined) return
    const listing = encodeListing(imageFiles)
    const listingPath = join(workspace.folder, 'listing')
    await this.#files.create(listingPath, listing)
    await writer.putBlob(listingPath, { digest: release.image.digest, bytes: listing.length })
    for (const file of imageFiles) await writer.putBlob(join(imagePath, file.path), file)
    await writer.putImage(imagePath, release.image.digest, imageFiles)
  }

  async #switch(tenant: string, release: Digest, workspace: Workspace): Promise<Switched> {
    const entries = await this.#reading.entries(tenant)
    const entry = entries.find((one) => one.release === release)
    if (entry === undefined) {
      throw new StoreError(
        'STORE_UNKNOWN_RELEASE',
        `Cannot switch ${tenant} to ${release}: it has published no such release, wanted one of \`wasm-fpm releases\``,
      )
    }
    const state = await this.state(tenant)
    const previous = state.handlers[entry.handler]?.release
    const pointer = { release, switchedAt: this.#now() }
    const next = {
      sequence: state.sequence + 1,
      handlers: { ...state.handlers, [entry.handler]: pointer },
    }
    await this.#refuseConflict(tenant, next)
    await this.#writeState(tenant, next, workspace)
    return { tenant, handler: entry.handler, release, previous, sequence: next.sequence }
  }

  async #refuseConflict(tenant: string, { handlers }: TenantState): Promise<void> {
    const names = Object.keys(handlers)
    if (names.length > this.limits.handlers) {
      throw storeLimitError(`switch for tenant ${tenant}`, {
        limit: 'handlers',
        actual: names.length,
        wanted: this.limits.handlers,
      })
    }
    const releases = await Promise.all(
      Object.entries(handlers).map(async ([name, pointer]) => ({
        name,
        release: await this.release(pointer.release),
      })),
    )
    const conflict = routeConflict(
      releases.flatMap(({ name, release }) => routesOf(release.manifest, name)),
    )
    if (conflict === undefined) return
    const [{ handler: one, path }, { handler: other }] = conflict
    throw new StoreError(
      'STORE_ROUTE_TAKEN',
      `Cannot make ${tenant}/${other} live: ${tenant}/${one} answers ${path} too, wanted another route or the same handler name`,
      { details: { tenant, route: path, handler: one, other } },
    )
  }

  #liveHandler(
    tenant: string,
    { handlers }: TenantState,
    wanted: string | undefined,
  ): { readonly name: string; readonly pointer: LivePointer } {
    const names = Object.keys(handlers)
    const name = wanted === undefined ? names[0] : checkName('handler', wanted)
    const pointer = name === undefined ? undefined : handlers[name]
    const isChosen = wanted !== undefined || names.length === 1
    if (name !== undefined && pointer !== undefined && isChosen) return { name, pointer }
    throw new StoreError(
      'STORE_UNKNOWN_HANDLER',
      `Cannot find the live handler ${wanted === undefined ? '' : `"${wanted}" `}of ${tenant}: it has ${names.join(', ') || 'none'}, wanted ${wanted === undefined && names.length > 1 ? 'one of them to be named' : 'one of these'}`,
    )
  }

  async #writeState(tenant: string, state: TenantState, workspace: Workspace): Promise<void> {
    await this.#replace(this.layout.live, this.layout.pointer(tenant), {
      contents: encodeState(state),
      workspace,
    })
  }

  /** The new contents or the old, whatever happens; the new ones for good, when this resolves. */
  async #replace(
    folder: string,
    path: string,
    { contents, workspace }: { readonly contents: Uint8Array; readonly workspace: Workspace },
  ): Promise<void> {
    if (contents.length > MAX_OWN_FILE_BYTES) {
      throw storeLimitError(`write ${path}`, {
        limit: 'bytes',
        actual: contents.length,
        wanted: MAX_OWN_FILE_BYTES,
      })
    }
    const draft = join(workspace.folder, `replace-${randomBytes(4).toString('hex')}`)
    await this.#files.create(draft, contents)
    await this.#files.rename(draft, path)
    await this.#files.syncFolder(folder)
  }

  /** Changes the store while nobody else does. */
  async #change<Result>(work: (workspace: Workspace) => Promise<Result>): Promise<Result> {
    const workspace = await this.makeWorkspace()
    try {
      return await withLock(this.#lockOptions(), () => work(workspace))
    } finally {
      await workspace.remove()
    }
  }

  /** As `#change`, for small changes that must be possible on a full disk: then the reserve is given up for them. */
  async #changeEvenIfFull<Result>(
    work: (workspace: Workspace) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await this.#change(work)
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'STORE_FULL') throw error
      if (!(await this.#files.remove(this.layout.reserve))) throw error
    }
    try {
      return await this.#change(work)
    } finally {
      // When there is no space yet, `collect` will find some.
      await makeReserve(this.layout, this.#files).catch(() => undefined)
    }
  }

  #lockOptions(): LockOptions {
    const { limits, layout } = this
    return {
      files: this.#files,
      folder: layout.lock,
      clock: this.#clock,
      waitMs: limits.lockWaitMs,
    }
  }

  #now(): string {
    return new Date(Number(this.#clock.realtimeNs() / 1_000_000n)).toISOString()
  }
}
