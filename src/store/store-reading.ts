/** Reads what a store holds about tenants and releases. Never needs the lock: every file is whole whenever it is there. */
import { type Digest, isDigest } from './digest.ts'
import { StoreError } from './errors.ts'
import { isName, type Layout } from './layout.ts'
import { MAX_OWN_FILE_BYTES } from './limits.ts'
import { decodeListing, decodeRelease, type ImageFile, type Release } from './release.ts'
import type { StoreFiles } from './store-files.ts'
import {
  decodeEntry,
  decodeState,
  EMPTY_STATE,
  type PublishedEntry,
  type TenantState,
} from './tenant-state.ts'

export class StoreReading {
  readonly #layout: Layout
  readonly #files: StoreFiles

  constructor(layout: Layout, files: StoreFiles) {
    this.#layout = layout
    this.#files = files
  }

  /** What is live; nothing, for a tenant that was never heard of. */
  async state(tenant: string): Promise<TenantState> {
    const path = this.#layout.pointer(tenant)
    const bytes = await this.#files.read(path, MAX_OWN_FILE_BYTES)
    return bytes === undefined ? EMPTY_STATE : decodeState(bytes, path)
  }

  /** What the tenant has published, in no order. */
  async entries(tenant: string): Promise<readonly PublishedEntry[]> {
    const found: PublishedEntry[] = []
    for (const { name } of await this.#files.list(this.#layout.tenant(tenant))) {
      const digest = name.replace(/\.json$/, '')
      if (!isDigest(digest) || name === digest) continue
      const path = this.#layout.published(tenant, digest)
      const bytes = await this.#files.read(path, MAX_OWN_FILE_BYTES)
      // Removed since the folder was read.
      if (bytes !== undefined) found.push(decodeEntry(bytes, path))
    }
    return found
  }

  /** Rejects with STORE_DAMAGED. */
  async release(digest: Digest): Promise<Release> {
    const bytes = isDigest(digest)
      ? await this.#files.read(this.#layout.release(digest), MAX_OWN_FILE_BYTES)
      : undefined
    if (bytes !== undefined) return decodeRelease(bytes, digest)
    throw new StoreError(
      'STORE_DAMAGED',
      `Cannot read release ${digest}: there is no record of it, wanted one`,
      { details: { release: digest } },
    )
  }

  /** Rejects with STORE_DAMAGED. */
  async listing(digest: Digest): Promise<readonly ImageFile[]> {
    const bytes = await this.#files.read(this.#layout.blob(digest), MAX_OWN_FILE_BYTES)
    if (bytes !== undefined) return decodeListing(bytes, digest)
    throw new StoreError('STORE_DAMAGED', `Cannot read listing ${digest}: it is missing, wanted it`)
  }

  async tenants(): Promise<readonly string[]> {
    const folders = await this.#files.list(this.#layout.tenants)
    const pointers = await this.#files.list(this.#layout.live)
    const names = [
      ...folders.map(({ name }) => name),
      ...pointers.map(({ name }) => name.replace(/\.json$/, '')),
    ]
    return [...new Set(names)].filter(isName).sort()
  }
}
