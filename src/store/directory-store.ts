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
import { type Layout, parseSignatureName, type SignatureName } from './layout.ts'
import { DEFAULT_STORE_LIMITS, MAX_OWN_FILE_BYTES, type StoreLimits } from './limits.ts'
import { type LockOptions, withLock } from './lock.ts'
import type { Manifest } from './manifest.ts'
import { makeStore, openStore } from './open-store.ts'
import { ownerText, thisOwner } from './owner.ts'
import type { PublicKey } from './public-key.ts'
import { encodeListing, encodeRelease, type Release } from './release.ts'
import type {
  CanaryOptions,
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
import { giveUpSpares, makeReserve, type Replacement, replaceFile } from './replace-file.ts'
import { encodeSignature, type Signature } from './signature.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import { type Planned, SwitchPlan } from './switch-plan.ts'
import {
  type CanaryPointer,
  encodeEntry,
  encodeState,
  type LivePointer,
  newestFirst,
  nextEntry,
  type TenantState,
} from './tenant-state.ts'
import { verifySignature } from './verify-release.ts'

export interface DirectoryStoreOptions {
  readonly clock: Clock
  readonly files?: StoreFiles
  readonly limits?: StoreLimits
  /**
   * Whose signatures a tenant demands (empty: nobody's): no switch goes to a release that none of them has signed. Workers
   * refuse such a release anyway; this says so before it is too late. Default: nobody's.
   */
  readonly signersOf?: SignersOf | undefined
}

export type SignersOf = (tenant: string) => Promise<readonly PublicKey[]>

export class DirectoryStore implements ReleaseStore {
  readonly layout: Layout
  readonly limits: StoreLimits
  readonly #files: StoreFiles
  readonly #clock: Clock
  readonly #reading: StoreReading
  readonly #signersOf: SignersOf
  #workspaces = 0

  /** Opens a store that is there. Rejects with STORE_NOT_A_STORE. */
  static async open(folder: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    return new DirectoryStore(await openStore(folder, options.files), options)
  }

  /** Opens a store, or makes one where there is nothing. */
  static async make(folder: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
    return new DirectoryStore(await makeStore(folder, options.files), options)
  }

  private constructor(layout: Layout, options: DirectoryStoreOptions) {
    const { clock, files, limits, signersOf } = options
    this.layout = layout
    this.limits = limits ?? DEFAULT_STORE_LIMITS
    this.#files = files ?? nodeFiles
    this.#clock = clock
    this.#signersOf = signersOf ?? (async () => [])
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
      const writer = new BlobWriter(this.layout, this.#files, { scratch: workspace.folder })
      await this.#putContents(writer, draft, workspace)
      await writer.sync()
      await writer.putFile('releases', this.layout.release(digest), bytes)
      await writer.sync()
      const { name: handler } = draft.release.manifest
      const entry = nextEntry(entries, { release: digest, handler }, this.#nowMs())
      await this.#files.makeFolder(folder)
      await this.#files.syncFolder(this.layout.tenants)
      const path = this.layout.published(tenant, digest)
      await this.#replace({ folder, path, contents: encodeEntry(entry) })
      const { blobs, sharedBlobs, newBytes } = writer
      return { release: digest, number: entry.number, blobs, sharedBlobs, newBytes }
    })
  }

  putSignature(tenant: string, release: Digest, signature: Signature): Promise<void> {
    const folder = this.layout.signaturesOf(tenant)
    return this.#changeInPlace(async () => {
      await this.#plan(tenant).entry(release)
      // A store that was made before there were signatures has no folder for them.
      for (const [inner, outer] of [
        [this.layout.signatures, this.layout.root],
        [folder, this.layout.signatures],
      ] as const) {
        await this.#files.makeFolder(inner)
        await this.#files.syncFolder(outer)
      }
      const path = this.layout.signature(tenant, release, signature.publicKey.id)
      await this.#replace({ folder, path, contents: encodeSignature(signature) })
      const state = await this.state(tenant)
      const { handlers, sequence } = state
      // Workers that have refused it look again when the sequence has changed.
      const isInUse = Object.values(handlers).some(
        (pointer) => pointer.release === release || pointer.canary?.release === release,
      )
      if (!isInUse) return
      await this.#writeState(tenant, { ...state, sequence: sequence + 1 })
    })
  }

  async signatures(tenant: string): Promise<readonly SignatureName[]> {
    const entries = await this.#files.list(this.layout.signaturesOf(tenant))
    return entries.map(({ name }) => parseSignatureName(name)).filter((one) => one !== undefined)
  }

  switchTo(tenant: string, release: Digest): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.switchTo(release))
  }

  setCanary(tenant: string, release: Digest, options: CanaryOptions): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.setCanary(release, options))
  }

  async checkCanary(tenant: string, manifest: Manifest): Promise<void> {
    await this.#plan(tenant).checkCanary(manifest)
  }

  promote(tenant: string, handler?: string): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.promote(handler))
  }

  weighCanary(tenant: string, weight: number, handler?: string): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.weighCanary(weight, handler))
  }

  dropCanary(tenant: string, handler?: string): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.dropCanary(handler))
  }

  rollBack(tenant: string, handler?: string): Promise<Switched> {
    return this.#switch(tenant, (plan) => plan.rollBack(handler))
  }

  rollBackFrom(tenant: string, handler: string, release: Digest): Promise<Switched | undefined> {
    return this.#switch(tenant, (plan) => plan.rollBackFrom(handler, release))
  }

  withdraw(tenant: string, handler: string): Promise<LivePointer> {
    return this.#switch(tenant, (plan) => plan.withdraw(handler))
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
        canary: canaryOf(handlers[entry.handler], entry.release),
      }))
      .sort(newestFirst)
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
    return this.#changeInPlace(() =>
      collectStore(this.layout, this.#files, {
        ...options,
        nowMs: this.#nowMs(),
      }),
    )
  }

  async #putContents(
    writer: BlobWriter,
    { release, originalPath = '', hardenedPath = '', imagePath, imageFiles }: ReleaseDraft,
    workspace: Workspace,
  ): Promise<void> {
    if (release.format === 1) {
      await writer.putBlob(originalPath, release.original)
      await writer.putBlob(hardenedPath, release.hardened)
    }
    if (release.image === undefined || imagePath === undefined) return
    const listing = encodeListing(imageFiles)
    const listingPath = join(workspace.folder, 'listing')
    await this.#files.create(listingPath, listing)
    await writer.putBlob(listingPath, { digest: release.image.digest, bytes: listing.length })
    for (const file of imageFiles) await writer.putBlob(join(imagePath, file.path), file)
    await writer.putImage(imagePath, release.image.digest, imageFiles)
  }

  /** Decides and writes while nobody else changes the store. */
  #switch<Result>(
    tenant: string,
    decide: (plan: SwitchPlan) => Promise<Planned<Result>>,
  ): Promise<Result> {
    return this.#changeInPlace(async () => {
      const { next, result } = await decide(this.#plan(tenant))
      if (next !== undefined) await this.#writeState(tenant, next)
      return result
    })
  }

  #writeState(tenant: string, state: TenantState): Promise<void> {
    const { live } = this.layout
    return this.#replace({
      folder: live,
      path: this.layout.pointer(tenant),
      contents: encodeState(state),
    })
  }

  #plan(tenant: string): SwitchPlan {
    return new SwitchPlan(tenant, {
      reading: this.#reading,
      limits: this.limits,
      now: new Date(this.#nowMs()).toISOString(),
      approve: async (release) => {
        const signers = await this.#signersOf(tenant)
        if (signers.length === 0) return
        const { layout } = this
        await verifySignature({ tenant, release }, { layout, files: this.#files, signers })
      },
    })
  }

  async #replace(replacement: Replacement): Promise<void> {
    const { path, contents } = replacement
    if (contents.length > MAX_OWN_FILE_BYTES) {
      throw storeLimitError(`write ${path}`, {
        limit: 'bytes',
        actual: contents.length,
        wanted: MAX_OWN_FILE_BYTES,
      })
    }
    await replaceFile(this.layout, this.#files, replacement)
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

  /** As `#change`, for small changes that must be possible on a full disk. */
  #changeInPlace<Result>(work: () => Promise<Result>): Promise<Result> {
    return withLock(this.#lockOptions(), async () => {
      const result = await work()
      // When there is no space now, there will be after a `collect`.
      await makeReserve(this.layout, this.#files).catch(() => undefined)
      return result
    })
  }

  #lockOptions(): LockOptions {
    const { limits, layout } = this
    return {
      files: this.#files,
      folder: layout.lock,
      clock: this.#clock,
      waitMs: limits.lockWaitMs,
      makeRoom: () => giveUpSpares(layout, this.#files),
    }
  }

  /** Since 1970. */
  #nowMs(): number {
    return Number(this.#clock.realtimeNs() / 1_000_000n)
  }
}

function canaryOf(pointer: LivePointer | undefined, release: Digest): CanaryPointer | undefined {
  return pointer?.canary?.release === release ? pointer.canary : undefined
}
