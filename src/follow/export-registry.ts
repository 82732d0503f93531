/** Writes a store to a registry of OCI artifacts, and brings what is there up to date: bytes first, the tag last. */
import { buffer } from 'node:stream/consumers'
import { OciError } from '../oci/errors.ts'
import { DEFAULT_OCI_LIMITS } from '../oci/limits.ts'
import { IMAGE_INDEX, IMAGE_MANIFEST } from '../oci/media-types.ts'
import { bytesBlob, type PushedBlob, pushBlob } from '../oci/push-artifact.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import type { BlobName, Digest } from '../oci/registry-digest.ts'
import { withRetries } from '../oci/retries.ts'
import { type Transfer, type TransferOptions, withTransfer } from '../oci/transfer.ts'
import { strangeAnswer } from './errors.ts'
import type { Exported } from './export-store.ts'
import { FolderSource } from './folder-source.ts'
import { RecordReader, type StoredPart } from './read-records.ts'
import {
  EMPTY,
  encodeBytesManifest,
  encodeIndex,
  encodeRecordsManifest,
  RECORDS_TITLE,
  readConfigName,
  readKept,
  readStoreIndex,
} from './store-artifact.ts'
import { encodeRecords, readRecords, type TenantRecord } from './tenant-record.ts'

/** For all of it: a first export moves everything that is live. */
const TOTAL_MS = 24 * 3600 * 1000

/**
 * `from`: a store's folder. `reference`: with a tag. Rejects with `StoreError`, `FollowError` and `OciError`; the tag then stands for what it
 * did. Who exports to one tag does so alone.
 */
export async function exportToRegistry(
  from: string,
  reference: Reference,
  options: TransferOptions,
): Promise<Exported> {
  const store = new FolderSource(from, options.clock)
  const reader = new RecordReader(store)
  const records = new Map<string, TenantRecord>()
  const parts = new Map<Digest, StoredPart>()
  for (const [tenant, live] of (await store.look())?.all ?? []) {
    const read = await reader.read(tenant, live)
    records.set(tenant, read.record)
    for (const part of read.parts.values()) parts.set(`sha256:${part.digest}`, part)
  }
  const limits = { ...(options.limits ?? DEFAULT_OCI_LIMITS), totalMs: TOTAL_MS }
  return withTransfer(reference, 'pull,push', { ...options, limits }, async (transfer) => {
    const push = new StorePush(store, reference, transfer)
    return await push.run(records, parts)
  })
}

class StorePush {
  readonly #store: FolderSource
  readonly #transfer: Transfer
  readonly #tag: string
  readonly #name: string
  #before: ReadonlyMap<string, BlobName> = new Map()
  #newBytes = 0

  constructor(store: FolderSource, reference: Reference, transfer: Transfer) {
    this.#store = store
    this.#transfer = transfer
    this.#tag = reference.tag ?? 'latest'
    this.#name = formatReference(reference)
  }

  async run(
    records: ReadonlyMap<string, TenantRecord>,
    parts: ReadonlyMap<Digest, StoredPart>,
  ): Promise<Exported> {
    const known = await this.#readBefore()
    const manifests = new Map<string, BlobName>()
    const text = bytesBlob(Buffer.from(encodeRecords(records)))
    await pushBlob(text, this.#transfer)
    // They lead to what must be there before: it is named by nothing yet.
    const empty = bytesBlob(EMPTY)
    await pushBlob(empty, this.#transfer)
    const sorted = [...parts].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const folders = Map.groupBy(sorted, ([, { digest }]) => digest.slice(0, 2))
    for (const [folder, some] of folders) {
      const list = some.map(([digest, { bytes: size }]): BlobName => ({ digest, size }))
      const manifest = bytesBlob(encodeBytesManifest(empty, list))
      manifests.set(folder, manifest)
      const old = this.#before.get(folder)
      if (old?.digest === manifest.digest) continue
      await this.#pushParts(new Map(some), old)
      await this.#putManifest(manifest)
    }
    const first = bytesBlob(encodeRecordsManifest(text))
    await this.#putManifest(first)
    const index = encodeIndex(new Map([[RECORDS_TITLE, first], ...manifests]))
    const { client } = this.#transfer
    await withRetries(this.#transfer, () => client.putManifest(this.#tag, index, IMAGE_INDEX))
    const changed = [...records].filter(
      ([tenant, record]) => JSON.stringify(known.get(tenant)) !== JSON.stringify(record),
    )
    return { tenants: records.size, changed: changed.length, newBytes: this.#newBytes }
  }

  /** What the tag stands for; nothing, where there is none. */
  async #readBefore(): Promise<ReadonlyMap<string, TenantRecord>> {
    const index = await this.#fetch(this.#tag).catch((error: unknown) => {
      if (error instanceof OciError && error.code === 'OCI_NOT_FOUND') return undefined
      throw error
    })
    if (index === undefined) return new Map()
    this.#before = readStoreIndex(index, this.#name)
    const first = this.#before.get(RECORDS_TITLE)
    if (first === undefined) throw strangeAnswer(this.#name, 'the tag stands for something else')
    const config = readConfigName(await this.#fetch(first.digest), this.#name)
    const { client } = this.#transfer
    const text = await withRetries(this.#transfer, async () => {
      return (await buffer(client.getBlob(config))).toString('utf8')
    })
    return readRecords(text, this.#name)
  }

  async #pushParts(parts: ReadonlyMap<Digest, StoredPart>, old?: BlobName): Promise<void> {
    const kept = old === undefined ? [] : readKept(await this.#fetch(old.digest), this.#name)
    const known = new Set(kept.map(({ digest }) => digest))
    for (const [digest, part] of parts) {
      if (known.has(digest)) continue
      const isThere = await pushBlob(this.#blobOf(digest, part), this.#transfer)
      if (!isThere) this.#newBytes += part.bytes
    }
  }

  #blobOf(digest: Digest, { bytes, path }: StoredPart): PushedBlob {
    const store = this.#store
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield* (await store.stream(path, bytes)) ?? []
    }
    return { digest, size: bytes, body: { bytes, open } }
  }

  async #fetch(version: string): Promise<Uint8Array> {
    const { client } = this.#transfer
    return (await withRetries(this.#transfer, () => client.getManifest(version))).bytes
  }

  async #putManifest({ digest, body }: PushedBlob): Promise<void> {
    const { client } = this.#transfer
    const bytes = await buffer(body.open())
    await withRetries(this.#transfer, () => client.putManifest(digest, bytes, IMAGE_MANIFEST))
  }
}
