/**
 * A release: what is published, once and for all. Its record names everything by digest, and its own digest is that of
 * the record's bytes, so that one digest stands for every byte of it.
 */
import { canonicalJson, type Json } from './canonical-json.ts'
import { type Digest, digestOf, isDigest } from './digest.ts'
import { StoreError } from './errors.ts'
import type { Manifest } from './manifest.ts'

export interface StoredBytes {
  readonly digest: Digest
  readonly bytes: number
}

/** A module after hardening. That it is hardened is known from nothing but this record (see docs/publishing.md). */
export interface HardenedModule extends StoredBytes {
  /** Version of the contract it was hardened to: `CONTRACT_VERSION` of `wasm/contract.ts`. */
  readonly contract: number
  /** What its memories may grow to together; written into it. */
  readonly memoryMaxBytes: number
  /** Of the largest function of the original; undefined: published before this was looked at. */
  readonly functionBytes?: number
  /** Memories it defines. */
  readonly memories: number
  /** Whether the `reset` lifetime can put back its state. */
  readonly isResettable: boolean
}

/** A module as published, and as it runs. */
interface ModuleParts {
  readonly original: StoredBytes
  readonly hardened: HardenedModule
}

/** Scripts have no module of their own: the manifest names their runtime. */
type NoModule = Readonly<Partial<Record<keyof ModuleParts, undefined>>>

/** Of format 2 are those without a module, which older versions cannot run. */
export type Release = ReleaseParts &
  (({ readonly format: 1 } & ModuleParts) | ({ readonly format: 2 } & NoModule))

interface ReleaseParts {
  /** Complete: the lifetime is decided. */
  readonly manifest: Manifest
  /** The files a guest sees; undefined: none. The digest is that of the listing. */
  readonly image?: ImageSummary | undefined
}

export interface ImageSummary {
  readonly digest: Digest
  readonly files: number
  /** Of all files together. */
  readonly bytes: number
}

export interface ImageFile extends StoredBytes {
  /** Below the root of the image, without a slash at the start. */
  readonly path: string
}

/** The record's bytes, and the digest they are stored under. */
export function encodeRelease(release: Release): {
  readonly bytes: Uint8Array
  readonly digest: Digest
} {
  // A release is JSON through and through; interfaces have no index signature to say so.
  const bytes = Buffer.from(canonicalJson(release as unknown as Json))
  return { bytes, digest: digestOf(bytes) }
}

/** Throws STORE_DAMAGED when the bytes are not those that `digest` was made of, or of a format to come. */
export function decodeRelease(bytes: Uint8Array, digest: Digest): Release {
  const actual = digestOf(bytes)
  if (actual !== digest) {
    throw new StoreError(
      'STORE_DAMAGED',
      `Cannot read release ${digest}: its record has digest ${actual}, wanted the same`,
      { details: { release: digest } },
    )
  }
  // What has this digest was written by `encodeRelease`, perhaps a later one.
  const release = JSON.parse(Buffer.from(bytes).toString('utf8')) as { readonly format?: unknown }
  if (release.format === 1 || release.format === 2) return release as Release
  throw new StoreError(
    'STORE_DAMAGED',
    `Cannot read release ${digest}: format ${JSON.stringify(release.format)}, wanted 1 or 2`,
    { details: { release: digest } },
  )
}

/** What it is made of besides its files. */
export function modulesOf({ original, hardened }: Release): readonly StoredBytes[] {
  return original === undefined ? [] : [original, hardened]
}

/** What a record says of files. */
export function imageOf(files: readonly ImageFile[]): ImageSummary {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { digest: digestOf(encodeListing(files)), files: files.length, bytes }
}

/** A release of scripts: it is decided by what was published alone. */
export function releaseOfScripts(manifest: Manifest, files: readonly ImageFile[]): Release {
  const lifetime = manifest.lifetime ?? 'reset'
  return { format: 2, manifest: { ...manifest, lifetime }, image: imageOf(files) }
}

/** One line a file, `DIGEST BYTES PATH`, sorted by path; the path is in JSON, for it may have a line feed in it. */
export function encodeListing(files: readonly ImageFile[]): Uint8Array {
  const lines = files
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ digest, bytes, path }) => `${digest} ${bytes} ${JSON.stringify(path)}\n`)
  return Buffer.from(lines.join(''))
}

/** Throws STORE_DAMAGED. */
export function decodeListing(bytes: Uint8Array, digest: Digest): readonly ImageFile[] {
  if (digestOf(bytes) !== digest) throw badListing(digest)
  const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1)
  return lines.map((line) => {
    const [file = '', size = '', ...rest] = line.split(' ')
    const path: unknown = JSON.parse(rest.join(' '))
    if (!isDigest(file) || typeof path !== 'string') throw badListing(digest)
    return { digest: file, bytes: Number(size), path }
  })
}

function badListing(digest: Digest): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `Cannot read listing ${digest}: its bytes have another digest, wanted the same`,
  )
}
