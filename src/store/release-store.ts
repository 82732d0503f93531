/** What every store of releases can do, whatever it is made of: a folder (directory-store.ts), later a fleet's. */
import type { Digest } from './digest.ts'
import type { ImageFile, Release } from './release.ts'
import type { LivePointer, PublishedEntry, TenantState } from './tenant-state.ts'

/** A private folder on this machine in which a release is put together. */
export interface Workspace {
  readonly folder: string
  /** Removes it with all that is in it. Idempotent; never rejects. */
  remove(): Promise<void>
}

/** A verified release, before it is stored. Its files lie in a workspace, written whole and synced. */
export interface ReleaseDraft {
  readonly release: Release
  /** The module as published. */
  readonly originalPath: string
  readonly hardenedPath: string
  /** The folder of the image's files; undefined: the release has none. Moved, not copied. */
  readonly imagePath: string | undefined
  readonly imageFiles: readonly ImageFile[]
}

/** What a switch did. */
export interface Switched {
  readonly tenant: string
  readonly handler: string
  readonly release: Digest
  /** What was live before; undefined: nothing. */
  readonly previous: Digest | undefined
  /** The tenant's, after the switch. */
  readonly sequence: number
}

/** What storing a release did. */
export interface Stored {
  readonly release: Digest
  readonly number: number
  /** Blobs of the release, and how many of them were there before. */
  readonly blobs: number
  readonly sharedBlobs: number
  /** Bytes that were not there before. */
  readonly newBytes: number
}

export interface PublishedRelease extends PublishedEntry {
  readonly isLive: boolean
}

export interface CollectOptions {
  /** Published releases that each handler keeps besides what is live or leased; undefined: all. */
  readonly keep?: number | undefined
}

export interface Collected {
  readonly entries: number
  readonly releases: number
  readonly images: number
  readonly blobs: number
  readonly leases: number
  readonly leftovers: number
  /** Of blobs. */
  readonly bytes: number
}

export interface StoreProblem {
  /** `damaged`: a tenant is affected. `missing`: the same. */
  readonly kind: 'damaged' | 'missing'
  /** The tenant's name, a release, a blob: what is affected. */
  readonly subject: string
  readonly message: string
}

export interface StoreCheck {
  readonly problems: readonly StoreProblem[]
  readonly tenants: number
  readonly releases: number
  readonly blobs: number
  readonly bytes: number
  /** Things no release names, of publishers that did not get to the end: no problem, `collect` removes them. */
  readonly leftovers: number
}

/** All of them reject with `StoreError`. */
export interface ReleaseStore {
  makeWorkspace(): Promise<Workspace>
  /** Stores a release and puts it on the tenant's list. It is not live yet. */
  put(tenant: string, draft: ReleaseDraft): Promise<Stored>
  /**
   * Makes a release of the tenant's list live, for its own handler. Takes milliseconds. Rejects with STORE_ROUTE_TAKEN,
   * STORE_UNKNOWN_RELEASE.
   */
  switchTo(tenant: string, release: Digest): Promise<Switched>
  /** Makes the release live that was published before the live one. */
  rollBack(tenant: string, handler?: string): Promise<Switched>
  /** Takes a handler off the air; its releases stay. Answers what was live. */
  withdraw(tenant: string, handler: string): Promise<LivePointer>
  state(tenant: string): Promise<TenantState>
  /** Newest first. */
  releases(tenant: string): Promise<readonly PublishedRelease[]>
  release(digest: Digest): Promise<Release>
  /** Those that have published anything, sorted. */
  tenants(): Promise<readonly string[]>
  check(): Promise<StoreCheck>
  collect(options?: CollectOptions): Promise<Collected>
}
