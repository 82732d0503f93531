/**
 * Fetches what releases are made of into a folder of our own, checked by its digests: each release and each blob once, however many tenants
 * want it at the same time. Needs no lock: this may take long.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { CodedError } from '../base/errors.ts'
import { SharedResults } from '../base/shared-results.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import { Turns } from '../base/turns.ts'
import { type Digest, digestOf } from './digest.ts'
import { StoreError } from './errors.ts'
import type { Layout } from './layout.ts'
import { MAX_OWN_FILE_BYTES, type StoreLimits } from './limits.ts'
import {
  decodeListing,
  decodeRelease,
  type ImageFile,
  modulesOf,
  type Release,
  type StoredBytes,
} from './release.ts'
import type { ReplicaSource } from './replica-source.ts'
import type { StoreFiles } from './store-files.ts'

/** Blobs, of all releases together: each may have pieces in memory. */
const FETCHING_AT_ONCE = 16

export interface Fetched {
  readonly digest: Digest
  readonly record: Uint8Array
  readonly release: Release
  /** By the path where each is now, written and not yet synced. */
  readonly blobs: ReadonlyMap<string, StoredBytes>
  /** Folders for the image's files, which are among the blobs. */
  readonly imagePath: string
  readonly imageFiles: readonly ImageFile[]
}

export interface FetcherOptions {
  readonly layout: Layout
  readonly files: StoreFiles
  readonly limits: StoreLimits
  /** The folder that all of it comes into. */
  readonly scratch: () => Promise<string>
  /** Digests of blobs in the store that have been read and are whole. */
  readonly verified: ReadonlySet<Digest>
}

export class ReleaseFetcher {
  readonly #options: FetcherOptions
  readonly #releases: SharedResults<Fetched>
  /** The path of each. */
  readonly #blobs: SharedResults<string>
  readonly #fetching = new Turns(FETCHING_AT_ONCE)

  constructor(options: FetcherOptions) {
    this.#options = options
    const { files } = options
    this.#releases = new SharedResults(async ({ imagePath, blobs }) => {
      await files.removeAll(imagePath).catch(() => undefined)
      for (const { digest } of blobs.values()) await this.#blobs.give(digest)
    })
    this.#blobs = new SharedResults(async (path) => {
      await files.remove(path).catch(() => undefined)
    })
  }

  /** To be given back, also when it rejects: with `StoreError`, and as the source does. */
  take(source: ReplicaSource, digest: Digest): Promise<Fetched> {
    return this.#releases.take(digest, () => this.#fetch(source, digest))
  }

  /** Nothing of it is there any more, once all have given it back. */
  give(digest: Digest): Promise<void> {
    return this.#releases.give(digest)
  }

  async #fetch(source: ReplicaSource, digest: Digest): Promise<Fetched> {
    const { files, limits, scratch } = this.#options
    const place = `releases/${digest.slice(0, 2)}/${digest}.json`
    const record = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
    const release = decodeRelease(record, digest)
    const imagePath = join(await scratch(), `image-${digest}`)
    const taken: Digest[] = []
    const blobs = new Map<string, StoredBytes>()
    const take = async (
      blob: StoredBytes,
      make: (path: string) => Promise<unknown>,
    ): Promise<void> => {
      if (taken.includes(blob.digest)) return
      taken.push(blob.digest)
      const path = join(await scratch(), blob.digest)
      await this.#blobs.take(blob.digest, () => make(path).then(() => path))
      blobs.set(path, blob)
    }
    const fetch = (blob: StoredBytes, maxBytes: number): Promise<void> =>
      take(blob, (path) =>
        this.#fetching.take(() => this.#fetchBlob(source, blob, { path, maxBytes })),
      )
    const fetchModules = (): Promise<void> =>
      someAtOnce(modulesOf(release), FETCHING_AT_ONCE, (one) => fetch(one, limits.hardenedBytes))
    let imageFiles: readonly ImageFile[] = []
    const fetchImage = async (): Promise<void> => {
      if (release.image === undefined) return
      const { digest: image } = release.image
      const place = blobPlace(image)
      const listing = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
      imageFiles = checkPaths(decodeListing(listing, image), limits)
      await take({ digest: image, bytes: listing.length }, (path) =>
        files.createUnsynced(path, listing),
      )
      await files.makeFolder(imagePath)
      for (const folder of foldersOf(imageFiles)) await files.makeFolder(join(imagePath, folder))
      await someAtOnce(imageFiles, FETCHING_AT_ONCE, (file) => fetch(file, limits.fileBytes))
    }
    try {
      await someAtOnce([fetchModules, fetchImage], 2, (work) => work())
      return { digest, record, release, blobs, imagePath, imageFiles }
    } catch (error) {
      await files.removeAll(imagePath).catch(() => undefined)
      for (const one of taken) await this.#blobs.give(one)
      throw error
    }
  }

  async #fetchBlob(
    source: ReplicaSource,
    { digest, bytes }: StoredBytes,
    { path, maxBytes }: { readonly path: string; readonly maxBytes: number },
  ): Promise<void> {
    const { files, layout } = this.#options
    // Of another release, perhaps, or of a try that was broken off.
    if (await this.#isHere({ digest, bytes })) {
      await files.link(layout.blob(digest), path)
      return
    }
    const place = blobPlace(digest)
    if (bytes > maxBytes) throw damaged(`${source.name}: ${place}`, `it has ${bytes} bytes`)
    const contents = await needed(source.stream(place, bytes), source, place)
    const hash = createHash('sha256')
    let length = 0
    const hashed = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of contents) {
        hash.update(piece)
        length += piece.length
        yield piece
      }
    }
    await files.createUnsynced(path, hashed()).catch((error: StoreError) => {
      // Reading has failed, and not writing.
      throw error.cause instanceof CodedError ? error.cause : error
    })
    const actual = hash.digest('hex')
    if (actual === digest) return
    await files.remove(path)
    throw damaged(`${source.name}: ${place}`, `${length} bytes of digest ${actual}`)
  }

  async #isHere({ digest, bytes }: StoredBytes): Promise<boolean> {
    const { files, layout, verified } = this.#options
    const path = layout.blob(digest)
    if (verified.has(digest)) return (await files.status(path))?.bytes === bytes
    const there = await files.read(path, bytes).catch(() => undefined)
    return there !== undefined && digestOf(there) === digest
  }
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

/** Rejects with STORE_DAMAGED where there is none. */
export async function needed<Found>(
  found: Promise<Found | undefined>,
  { name }: ReplicaSource,
  place: string,
): Promise<Found> {
  const got = await found
  if (got !== undefined) return got
  throw new StoreError('STORE_DAMAGED', `Cannot read ${name}: ${place} is missing, wanted it there`)
}

export function damaged(what: string, actual: string): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `Cannot take ${what}: ${actual}, wanted what its digest says`,
  )
}
