/**
 * Brings a store in step with another one: what a release is made of first, checked by its digests, its entry in the tenant's list then,
 * and the pointer last, by a rename. At every moment the store is whole; what is in the way of a release leaves the pointer
 * where it was. The other store decides what is live until somebody here says otherwise, and again when it changes.
 */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { BlobWriter } from './blob-writer.ts'
import { type Digest, digestOf } from './digest.ts'
import { DirectoryStore } from './directory-store.ts'
import { StoreError } from './errors.ts'
import { isName, type Layout, parseSignatureName } from './layout.ts'
import { DEFAULT_STORE_LIMITS, MAX_OWN_FILE_BYTES, type StoreLimits } from './limits.ts'
import { withLock } from './lock.ts'
import {
  decodeListing,
  decodeRelease,
  type ImageFile,
  modulesOf,
  type Release,
  type StoredBytes,
} from './release.ts'
import type { Workspace } from './release-store.ts'
import { makeReserve, replaceFile } from './replace-file.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import { decodeEntry, decodeState, encodeState, type TenantState } from './tenant-state.ts'

/** Where it comes from. Paths are those of a store's layout, below its root. All reject with a `CodedError`. */
export interface ReplicaSource {
  /** For messages. */
  readonly name: string
  /** The names in a folder; none, where there is none. */
  list(folder: string): Promise<readonly string[]>
  /** A small file; undefined: there is none. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>
  /** A file of any size, at most `maxBytes`; undefined: there is none. */
  stream(path: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined>
}

export interface ReplicaOptions {
  readonly clock: Clock
  readonly files?: StoreFiles
  readonly limits?: StoreLimits
}

export class Replica {
  readonly #store: DirectoryStore
  readonly #layout: Layout
  readonly #files: StoreFiles
  readonly #clock: Clock
  readonly #limits: StoreLimits
  readonly #reading: StoreReading

  /** Opens the store in `folder`, or makes one. */
  static async make(folder: string, options: ReplicaOptions): Promise<Replica> {
    return new Replica(await DirectoryStore.make(folder, options), options)
  }

  private constructor(store: DirectoryStore, { clock, files, limits }: ReplicaOptions) {
    this.#store = store
    this.#layout = store.layout
    this.#files = files ?? nodeFiles
    this.#clock = clock
    this.#limits = limits ?? DEFAULT_STORE_LIMITS
    this.#reading = new StoreReading(store.layout, this.#files)
  }

  /** Whether the pointer `live` of the source has been followed already. */
  async isInStep(tenant: string, live: Uint8Array): Promise<boolean> {
    return (await this.#files.readNote(this.#layout.followed(tenant))) === digestOf(live)
  }

  /**
   * Makes live here what is live there: `live` is the pointer's file. Resolves with the bytes that were new here. Rejects with `StoreError`
   * (STORE_DAMAGED: what the source has is not what its digest says, or missing), and what the source rejects with.
   */
  async follow(source: ReplicaSource, tenant: string, live: Uint8Array): Promise<number> {
    const state = decodeState(live, `${source.name}: live/${tenant}.json`)
    const listed = new Set(await source.list(`tenants/${tenant}`))
    let newBytes = 0
    for (const { digest, isNeeded } of releasesOf(state)) {
      // What was live before may have been given up there since.
      if (!listed.has(`${digest}.json`) && !isNeeded) continue
      const workspace = await this.#store.makeWorkspace()
      try {
        newBytes += await this.#bring({ source, tenant, digest, workspace })
      } finally {
        await workspace.remove()
      }
    }
    await this.#bringSignatures(source, tenant)
    await this.#switch(tenant, state, live)
    return newBytes
  }

  async #bring({ source, tenant, digest, workspace }: Bringing): Promise<number> {
    const path = this.#layout.published(tenant, digest)
    const place = `tenants/${tenant}/${digest}.json`
    const entry = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
    const { release, handler } = decodeEntry(entry, `${source.name}: ${place}`)
    if (release !== digest) throw damaged(`${source.name}: ${place}`, `it is about ${release}`)
    const before = await this.#files.read(path, MAX_OWN_FILE_BYTES)
    const isThere = before !== undefined && (await this.#hasRelease(digest))
    if (isThere && Buffer.compare(before, entry) === 0) return 0
    const fetched = await this.#fetch({ source, tenant, digest, workspace })
    if (fetched.release.manifest.name !== handler) {
      throw damaged(`${source.name}: ${place}`, `its handler is ${handler}`)
    }
    return this.#change(async () => {
      const writer = new BlobWriter(this.#layout, this.#files, workspace.folder)
      for (const [from, blob] of fetched.blobs) await writer.putBlob(from, blob)
      const { image } = fetched.release
      if (image !== undefined) {
        await writer.putImage(fetched.imagePath, image.digest, fetched.imageFiles)
      }
      await writer.sync()
      await writer.putFile('releases', this.#layout.release(digest), fetched.record)
      await writer.sync()
      const folder = this.#layout.tenant(tenant)
      await this.#files.makeFolder(folder)
      await this.#files.syncFolder(this.#layout.tenants)
      await replaceFile(this.#layout, this.#files, { folder, path, contents: entry })
      return writer.newBytes
    })
  }

  /** A record is written last, and removed first: where it is, everything is. */
  async #hasRelease(digest: Digest): Promise<boolean> {
    return (await this.#files.status(this.#layout.release(digest))) !== undefined
  }

  /** Into the workspace, without the lock: this may take long. */
  async #fetch({ source, digest, workspace }: Bringing): Promise<Fetched> {
    const place = `releases/${digest.slice(0, 2)}/${digest}.json`
    const record = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
    const release = decodeRelease(record, digest)
    const blobs = new Map<string, StoredBytes>()
    const imagePath = join(workspace.folder, `image-${digest}`)
    const fetch = async (blob: StoredBytes, maxBytes: number, to?: string): Promise<void> => {
      const path = to ?? join(workspace.folder, blob.digest)
      await this.#fetchBlob(source, blob, { path, maxBytes })
      blobs.set(path, blob)
    }
    for (const module of new Map(modulesOf(release).map((one) => [one.digest, one])).values()) {
      await fetch(module, this.#limits.hardenedBytes)
    }
    let imageFiles: readonly ImageFile[] = []
    if (release.image !== undefined) {
      const place = blobPlace(release.image.digest)
      const listing = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
      imageFiles = checkPaths(decodeListing(listing, release.image.digest), this.#limits)
      const path = join(workspace.folder, release.image.digest)
      await this.#files.removeAll(path)
      await this.#files.create(path, listing)
      blobs.set(path, { digest: release.image.digest, bytes: listing.length })
      await this.#files.makeFolder(imagePath)
      for (const folder of foldersOf(imageFiles)) {
        await this.#files.makeFolder(join(imagePath, folder))
      }
      for (const file of imageFiles) {
        await fetch(file, this.#limits.fileBytes, join(imagePath, file.path))
      }
    }
    return { record, release, blobs, imagePath, imageFiles }
  }

  async #fetchBlob(
    source: ReplicaSource,
    { digest, bytes }: StoredBytes,
    { path, maxBytes }: { readonly path: string; readonly maxBytes: number },
  ): Promise<void> {
    // Of another release, perhaps, or of a try that was broken off.
    const own = this.#layout.blob(digest)
    const there = await this.#files.read(own, bytes).catch(() => undefined)
    if (there !== undefined && digestOf(there) === digest) {
      await this.#files.link(own, path)
      return
    }
    const place = blobPlace(digest)
    if (bytes > maxBytes) throw damaged(`${source.name}: ${place}`, `it has ${bytes} bytes`)
    const contents = await needed(source.stream(place, bytes), source, place)
    await this.#files.create(path, contents).catch((error: StoreError) => {
      // Reading has failed, and not writing.
      throw error.cause instanceof CodedError ? error.cause : error
    })
    const got = (await this.#files.read(path, bytes)) ?? new Uint8Array(0)
    if (digestOf(got) === digest) return
    throw damaged(`${source.name}: ${place}`, `${got.length} bytes of digest ${digestOf(got)}`)
  }

  async #bringSignatures(source: ReplicaSource, tenant: string): Promise<void> {
    const names = (await source.list(`signatures/${tenant}`)).filter(
      (name) => parseSignatureName(name) !== undefined,
    )
    if (names.length === 0) return
    await this.#change(async () => {
      const { signatures, root } = this.#layout
      const folder = this.#layout.signaturesOf(tenant)
      await this.#files.makeFolder(signatures)
      await this.#files.syncFolder(root)
      await this.#files.makeFolder(folder)
      await this.#files.syncFolder(signatures)
      for (const name of names) {
        const signature = parseSignatureName(name)
        if (signature === undefined || !(await this.#hasRelease(signature.release))) continue
        const path = join(folder, name)
        const place = `signatures/${tenant}/${name}`
        const contents = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
        const before = await this.#files.read(path, MAX_OWN_FILE_BYTES)
        if (before !== undefined && Buffer.compare(before, contents) === 0) continue
        await replaceFile(this.#layout, this.#files, { folder, path, contents })
      }
    })
  }

  /** Numbers of switches never go back here, whatever has been switched here meanwhile. */
  async #switch(tenant: string, state: TenantState, live: Uint8Array): Promise<void> {
    await this.#change(async () => {
      const before = await this.#reading.state(tenant)
      const isSame = JSON.stringify(before.handlers) === JSON.stringify(state.handlers)
      if (!isSame) {
        const sequence = Math.max(state.sequence, before.sequence + 1)
        await replaceFile(this.#layout, this.#files, {
          folder: this.#layout.live,
          path: this.#layout.pointer(tenant),
          contents: encodeState({ ...state, sequence }),
        })
      }
      await this.#remember(tenant, digestOf(live))
    })
  }

  /** Needs no space. */
  async #remember(tenant: string, digest: Digest): Promise<void> {
    const path = this.#layout.followed(tenant)
    const draft = `${path}.next`
    await this.#files.makeFolder(this.#layout.followedRoot)
    await this.#files.remove(draft)
    await this.#files.createNote(draft, digest)
    await this.#files.rename(draft, path)
  }

  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const { lock: folder } = this.#layout
    const options = { files: this.#files, folder, clock: this.#clock }
    return withLock({ ...options, waitMs: this.#limits.lockWaitMs }, async () => {
      const result = await work()
      await makeReserve(this.#layout, this.#files).catch(() => undefined)
      return result
    })
  }
}

interface Bringing {
  readonly source: ReplicaSource
  readonly tenant: string
  readonly digest: Digest
  readonly workspace: Workspace
}

interface Fetched {
  readonly record: Uint8Array
  readonly release: Release
  /** By the path where each is now. */
  readonly blobs: ReadonlyMap<string, StoredBytes>
  readonly imagePath: string
  readonly imageFiles: readonly ImageFile[]
}

/** What a pointer leads to, and where rolling back goes. */
export function releasesOf({
  handlers,
}: TenantState): ReadonlyArray<{ readonly digest: Digest; readonly isNeeded: boolean }> {
  const needed = new Set<Digest>()
  const past = new Set<Digest>()
  for (const pointer of Object.values(handlers)) {
    needed.add(pointer.release)
    if (pointer.canary !== undefined) needed.add(pointer.canary.release)
    for (const digest of pointer.past ?? []) past.add(digest)
  }
  const others = [...past].filter((digest) => !needed.has(digest))
  return [
    ...others.map((digest) => ({ digest, isNeeded: false })),
    ...[...needed].map((digest) => ({ digest, isNeeded: true })),
  ]
}

/** Throws STORE_DAMAGED: a listing says where files go, and it comes from elsewhere. */
function checkPaths(files: readonly ImageFile[], limits: StoreLimits): readonly ImageFile[] {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  if (files.length > limits.files || !(bytes <= limits.imageBytes)) {
    throw damaged('a listing', `it has ${files.length} files of ${bytes} bytes`)
  }
  for (const { path } of files) {
    const parts = path.split('/')
    const isGood = parts.length <= limits.pathDepth && !path.includes('\0')
    if (!isGood || parts.some((part) => ['', '.', '..'].includes(part))) {
      throw damaged('a listing', `it has a file ${JSON.stringify(path.slice(0, 80))}`)
    }
  }
  return files
}

/** Outer ones first. */
function foldersOf(files: readonly ImageFile[]): readonly string[] {
  const folders = new Set<string>()
  for (const { path } of files) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      folders.add(path.slice(0, at))
    }
  }
  return [...folders].sort((a, b) => a.length - b.length)
}

function blobPlace(digest: Digest): string {
  return `blobs/${digest.slice(0, 2)}/${digest}`
}

async function needed<Found>(
  found: Promise<Found | undefined>,
  { name }: ReplicaSource,
  place: string,
): Promise<Found> {
  const got = await found
  if (got !== undefined) return got
  throw new StoreError('STORE_DAMAGED', `Cannot read ${name}: ${place} is missing, wanted it there`)
}

function damaged(what: string, actual: string): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `Cannot take ${what}: ${actual}, wanted what its digest says`,
  )
}

/** The names among pointers' files that are tenants'. */
export function tenantsOf(names: readonly string[]): readonly string[] {
  const tenants = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
  return tenants.filter(isName)
}
