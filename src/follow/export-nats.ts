/**
 * Writes a store to servers of NATS, and brings what is there up to date: bytes first, each tenant's record after all that it leads to. Several
 * machines may do so: a tenant whose pointer there is newer is left alone.
 */
import type { KV, KvEntry } from '@nats-io/kv'
import type { ObjectStore } from '@nats-io/obj'
import type { Clock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { decodeState, type TenantState } from '../store/tenant-state.ts'
import { FollowError, noSource } from './errors.ts'
import type { Exported } from './export-store.ts'
import { FolderSource } from './folder-source.ts'
import {
  changeSubject,
  type NatsAddress,
  type NatsLink,
  type NatsOptions,
  natsFailure,
  openNats,
} from './nats-link.ts'
import { keyOf, NatsShelf } from './nats-shelf.ts'
import { type ReadTenant, RecordReader, type StoredPart } from './read-records.ts'
import { readRecord, type TenantRecord } from './tenant-record.ts'

/** Of a piece of an object; less where the server takes less. */
const CHUNK_BYTES = 512 * 1024

export interface NatsExportOptions extends NatsOptions {
  readonly clock: Clock
  /** Of the buckets, where they are made: how many servers have a copy. */
  readonly replicas: number
}

/** `from`: a store's folder. Rejects with `StoreError` and `FollowError`; every tenant's record there is then its old or its new one. */
export async function exportToNats(
  from: string,
  address: NatsAddress,
  options: NatsExportOptions,
): Promise<Exported> {
  const store = new FolderSource(from, options.clock)
  const link = await openNats(address, options)
  try {
    const push = new NatsPush(store, link, address, await openBuckets(link, address, options))
    const shelf = new NatsShelf(address, options)
    try {
      return await push.run((await shelf.records()) ?? new Map())
    } finally {
      await shelf.close()
    }
  } catch (error) {
    throw error instanceof CodedError ? error : natsFailure(address.name, error)
  } finally {
    await link.connection.close()
  }
}

interface Buckets {
  readonly records: KV
  readonly bytes: ObjectStore
}

/** Makes them, where they are not there. */
async function openBuckets(
  { client }: NatsLink,
  { bucket }: NatsAddress,
  { replicas }: NatsExportOptions,
): Promise<Buckets> {
  const { Kvm } = await import('@nats-io/kv')
  const { Objm } = await import('@nats-io/obj')
  const republish = { src: `$KV.${bucket}.>`, dest: changeSubject(bucket), headers_only: true }
  return {
    records: await new Kvm(client).create(bucket, { replicas, history: 1, republish }),
    bytes: await new Objm(client).create(bucket, { replicas }),
  }
}

class NatsPush {
  readonly #store: FolderSource
  readonly #link: NatsLink
  readonly #name: string
  readonly #buckets: Buckets
  readonly #known = new Set<string>()
  #changed = 0
  #newer = 0
  #newBytes = 0

  constructor(store: FolderSource, link: NatsLink, { name }: NatsAddress, buckets: Buckets) {
    this.#store = store
    this.#link = link
    this.#name = name
    this.#buckets = buckets
  }

  /** `there`: what the records are before. */
  async run(there: ReadonlyMap<string, TenantRecord>): Promise<Exported> {
    const reader = new RecordReader(this.#store)
    const pointers = (await this.#store.look()) ?? new Map<string, Uint8Array>()
    for (const [tenant, live] of pointers) {
      const read = await reader.read(tenant, live)
      if (!isThere(read.record, there.get(tenant))) await this.#put(tenant, read)
    }
    const [changed, newer, newBytes] = [this.#changed, this.#newer, this.#newBytes]
    return { tenants: pointers.size, changed, newer, newBytes }
  }

  async #put(tenant: string, { record, parts }: ReadTenant): Promise<void> {
    const key = keyOf(tenant)
    const before = await this.#buckets.records.get(key)
    if (isNewer(this.#read(before), record)) {
      this.#newer += 1
      return
    }
    const contents = Buffer.from(JSON.stringify(record))
    const maxBytes = this.#link.connection.info?.max_payload ?? 0
    if (contents.length > maxBytes) {
      throw new FollowError(
        'FOLLOW_RECORD_TOO_LARGE',
        `Cannot export ${tenant} to ${this.#name}: its record has ${contents.length} bytes, wanted at most ${maxBytes} (max_payload)`,
      )
    }
    for (const part of parts.values()) await this.#putPart(part)
    // Only in the place of what was looked at.
    const isWritten = await (before?.operation === 'PUT'
      ? this.#buckets.records.update(key, contents, before.revision)
      : this.#buckets.records.create(key, contents)
    ).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && /wrong last sequence/.test(error.message)) return false
        throw error
      },
    )
    if (isWritten) this.#changed += 1
    else this.#newer += 1
  }

  #read(entry: KvEntry | null): TenantRecord | undefined {
    if (entry?.operation !== 'PUT') return undefined
    try {
      return readRecord(entry.string(), this.#name)
    } catch {
      // Of no use to anybody.
      return undefined
    }
  }

  async #putPart({ digest, bytes, path }: StoredPart): Promise<void> {
    if (this.#known.has(digest)) return
    this.#known.add(digest)
    const store = this.#buckets.bytes
    const said = `SHA-256=${Buffer.from(digest, 'hex').toString('base64url')}`
    const there = await store.info(digest)
    const isSame = there?.size === bytes && there.digest.replace(/=+$/, '') === said
    if (there !== null && !there.deleted && isSame) return
    const contents = await this.#store.stream(path, bytes)
    if (contents === undefined) throw noSource(this.#store.name, `${path} is missing`)
    const meta = { name: digest, options: { max_chunk_size: CHUNK_BYTES } }
    await withStream(contents, (stream) => store.put(meta, stream))
    this.#newBytes += bytes
  }
}

/** Whoever reads may stop reading without a word: the file is closed all the same. */
async function withStream<Result>(
  pieces: AsyncIterable<Uint8Array>,
  work: (stream: ReadableStream<Uint8Array>) => Promise<Result>,
): Promise<Result> {
  const iterator = pieces[Symbol.asyncIterator]()
  const pull = async (to: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const next = await iterator.next()
    if (next.done === true) to.close()
    else to.enqueue(next.value)
  }
  try {
    return await work(new ReadableStream({ pull }))
  } finally {
    await iterator.return?.()
  }
}

/** Whether what is live here is live there, with all that this store has of it. */
function isThere(here: TenantRecord, there: TenantRecord | undefined): boolean {
  if (there === undefined || !isSameLive(here, there)) return false
  const isPart = (a: Texts, b: Texts): boolean =>
    Object.entries(a).every(([name, text]) => b[name] === text)
  return isPart(here.published, there.published) && isPart(here.signatures, there.signatures)
}

/** Numbers of switches grow, wherever somebody switches: who has seen the other's last one counts on from there. */
function isNewer(there: TenantRecord | undefined, here: TenantRecord): boolean {
  if (there === undefined || isSameLive(here, there)) return false
  return (stateOf(there)?.sequence ?? -1) >= (stateOf(here)?.sequence ?? 0)
}

function isSameLive(a: TenantRecord, b: TenantRecord): boolean {
  return JSON.stringify(stateOf(a)?.handlers) === JSON.stringify(stateOf(b)?.handlers)
}

type Texts = Readonly<Record<string, string>>

function stateOf({ live }: TenantRecord): TenantState | undefined {
  try {
    return decodeState(Buffer.from(live), 'a pointer')
  } catch {
    return undefined
  }
}
