/** What every store of releases can do, whatever it is made of: a folder (directory-store.ts), later a fleet's. */
import type { Digest } from './digest.ts'
import type { SignatureName } from './layout.ts'
import type { Manifest } from './manifest.ts'
import type { ImageFile, Release } from './release.ts'
import type { Signature } from './signature.ts'
import type { CanaryPointer, LivePointer, PublishedEntry, TenantState } from './tenant-state.ts'

/** A private folder on this machine in which a release is put together. */
export interface Workspace {
  readonly folder: string
  /** Removes it with all that is in it. Idempotent; never rejects. */
  remove(): Promise<void>
}

/** A verified release, before it is stored. Its files lie in a workspace, written whole and synced. */
export interface ReleaseDraft {
  readonly release: Release
  /** The module as published, and hardened; scripts have none. */
  readonly originalPath?: string
  readonly hardenedPath?: string
  /** The folder of the image's files; undefined: the release has none. Moved, not copied. */
  readonly imagePath: string | undefined
  readonly imageFiles: readonly ImageFile[]
}

/** What a switch did. */
export interface Switched {
  readonly tenant: string
  readonly handler: string
  /** What is live now. */
  readonly release: Digest
  /** What was live before, perhaps the same; undefined: nothing. */
  readonly previous: Digest | undefined
  /** The tenant's, after the switch. */
  readonly sequence: number
  /** The canary there is now. */
  readonly canary: CanaryPointer | undefined
  /** The canary that was given up. */
  readonly droppedCanary: Digest | undefined
}

export interface CanaryOptions {
  /** Percent of the requests, 1 to 99. */
  readonly weight: number
  /** Whether a client stays with the release that answered it first. */
  readonly sticky: boolean
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
  /** Set: it is the canary of its handler. */
  readonly canary: CanaryPointer | undefined
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
  readonly signatures: number
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
  readonly signatures: number
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
   * Keeps a signature of a release of the tenant's list; where the release is live, counts as a switch. Rejects with
   * STORE_UNKNOWN_RELEASE.
   */
  putSignature(tenant: string, release: Digest, signature: Signature): Promise<void>
  /** Which keys are said to have signed which releases of a tenant; nothing of it is verified. */
  signatures(tenant: string): Promise<readonly SignatureName[]>
  /**
   * Makes a release of the tenant's list live, for its own handler, and gives up its canary. Takes milliseconds. Rejects
   * with STORE_ROUTE_TAKEN, STORE_UNKNOWN_RELEASE.
   */
  switchTo(tenant: string, release: Digest): Promise<Switched>
  /**
   * Gives a share of the requests of its handler to a release of the tenant's list; what is live stays live. Called again
   * for the same release, changes its share. Rejects with STORE_BAD_CANARY, STORE_UNKNOWN_RELEASE.
   */
  setCanary(tenant: string, release: Digest, options: CanaryOptions): Promise<Switched>
  /** Rejects with STORE_BAD_CANARY when a release with this manifest could not be a canary now. */
  checkCanary(tenant: string, manifest: Manifest): Promise<void>
  /** Makes a canary live. Rejects with STORE_NO_CANARY. */
  promote(tenant: string, handler?: string): Promise<Switched>
  /** Changes the share of a canary. Rejects with STORE_NO_CANARY, STORE_BAD_CANARY. */
  weighCanary(tenant: string, weight: number, handler?: string): Promise<Switched>
  /** Gives up a canary; all requests go to what is live. Rejects with STORE_NO_CANARY. */
  dropCanary(tenant: string, handler?: string): Promise<Switched>
  /** Gives up the handler's canary; where there is none, makes the release live that was live before. */
  rollBack(tenant: string, handler?: string): Promise<Switched>
  /**
   * Goes back from a release that has failed: gives it up when it is the canary, makes the one before live when it is
   * live. Undefined: it is neither any more, for somebody else was first.
   */
  rollBackFrom(tenant: string, handler: string, release: Digest): Promise<Switched | undefined>
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
