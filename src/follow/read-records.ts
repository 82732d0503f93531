/** Reads a store for those who are to follow it: the record of a tenant, and where the bytes are that its releases consist of. */
import type { Digest } from '../store/digest.ts'
import { parseSignatureName } from '../store/layout.ts'
import { MAX_OWN_FILE_BYTES } from '../store/limits.ts'
import { decodeListing, decodeRelease, modulesOf, type StoredBytes } from '../store/release.ts'
import { releasesOf } from '../store/replica.ts'
import type { ReplicaSource } from '../store/replica-source.ts'
import { decodeState } from '../store/tenant-state.ts'
import { noSource } from './errors.ts'
import type { TenantRecord } from './tenant-record.ts'

export interface ReadTenant {
  readonly record: TenantRecord
  /** Of everything that its releases consist of: what reads it. */
  readonly parts: ReadonlyMap<Digest, StoredPart>
}

export interface StoredPart extends StoredBytes {
  /** In the store. */
  readonly path: string
}

/** Each release is read once, whoever has published it. */
export class RecordReader {
  readonly #store: ReplicaSource
  readonly #releases = new Map<Digest, readonly StoredPart[]>()

  constructor(store: ReplicaSource) {
    this.#store = store
  }

  /** `live`: the file of its pointer. Rejects with `StoreError` and `FollowError`. */
  async read(tenant: string, live: Uint8Array): Promise<ReadTenant> {
    const listed = new Set(await this.#store.list(`tenants/${tenant}`))
    const published: Record<Digest, string> = {}
    const parts = new Map<Digest, StoredPart>()
    for (const { digest, isNeeded } of releasesOf(decodeState(live, `live/${tenant}.json`))) {
      // What was live before may have been given up since.
      if (!listed.has(`${digest}.json`) && !isNeeded) continue
      published[digest] = textOf(await this.#needed(`tenants/${tenant}/${digest}.json`))
      for (const part of await this.#partsOf(digest)) parts.set(part.digest, part)
    }
    const signatures: Record<string, string> = {}
    for (const name of (await this.#store.list(`signatures/${tenant}`)).toSorted()) {
      const signature = parseSignatureName(name)
      if (signature === undefined || !Object.hasOwn(published, signature.release)) continue
      signatures[name] = textOf(await this.#needed(`signatures/${tenant}/${name}`))
    }
    return { record: { live: textOf(live), published, signatures }, parts }
  }

  async #partsOf(digest: Digest): Promise<readonly StoredPart[]> {
    const known = this.#releases.get(digest)
    if (known !== undefined) return known
    const path = `releases/${digest.slice(0, 2)}/${digest}.json`
    const bytes = await this.#needed(path)
    const release = decodeRelease(bytes, digest)
    const parts: StoredPart[] = [{ digest, bytes: bytes.length, path }]
    for (const module of modulesOf(release)) parts.push(blobOf(module))
    if (release.image !== undefined) {
      const { digest: listing } = release.image
      const text = await this.#needed(blobPath(listing))
      parts.push(blobOf({ digest: listing, bytes: text.length }))
      for (const file of decodeListing(text, listing)) parts.push(blobOf(file))
    }
    this.#releases.set(digest, parts)
    return parts
  }

  async #needed(path: string): Promise<Uint8Array> {
    const bytes = await this.#store.read(path, MAX_OWN_FILE_BYTES)
    if (bytes === undefined) throw noSource(this.#store.name, `${path} is missing`)
    return bytes
  }
}

function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, 2)}/${digest}`
}

function blobOf({ digest, bytes }: StoredBytes): StoredPart {
  return { digest, bytes, path: blobPath(digest) }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
