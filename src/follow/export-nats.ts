/**
 * Writes a store to servers of NATS, and brings what is there up to date: bytes first, each tenant's record after all that it leads to. Several
 * machines may do so: a tenant whose pointer there is newer is left alone.
 */
import type { KV, KvEntry } from '@nats-io/kv'
import type { ObjectStore } from '@nats-io/obj'
import type { Clock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import { Turns } from '../base/turns.ts'
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
import { putObject } from './nats-object.ts'
import { keyOf, NatsShelf } from './nats-shelf.ts'
import { type ReadTenant, RecordReader, type StoredPart } from './read-records.ts'
import { readRecord, type TenantRecord } from './tenant-record.ts'

/** Tenants. What they wait for is the servers' answers. */
const PUT_AT_ONCE = 64

/** Of a tenant: most are asked for only, and are there. */
const PARTS_AT_ONCE = 8

/** So often all tenants are compared again, whatever has changed. */
const DONE_MS = 60_000

export interface NatsExportOptions extends NatsOptions {
  readonly clock: Clock
  /** Of the buckets, where they are made: how many servers have a copy. */
  readonly replicas: number
}

/**
 * A store, exported again and again over one connection: what was there before is not asked again, and what has not changed here is not read
 * again.
 */
export class NatsExport {
  readonly #link: NatsLink
  readonly #shelf: NatsShelf
  readonly #push: NatsPush

  private constructor(link: NatsLink, shelf: NatsShelf, push: NatsPush) {
    this.#link = link
    this.#shelf = shelf
    this.#push = push
  }

  /** `from`: the store's folder. Makes the buckets, where they are not there. Rejects with `FollowError`. */
  static async open(
    from: string,
    address: NatsAddress,
    options: NatsExportOptions,
  ): Promise<NatsExport> {
    const store = new FolderSource(from, options.clock)
    const link = await openNats(address, options)
    try {
      const { name, bucket } = address
      const buckets = await openBuckets(link, address, options)
      const push = new NatsPush({ store, link, name, bucket, buckets, clock: options.clock })
      return new NatsExport(link, new NatsShelf(address, options), push)
    } catch (error) {
      await link.connection.close()
      throw natsFailure(address.name, error)
    }
  }

  /**
   * Rejects with `StoreError` and `FollowError`; every tenant's record there is then its old or its new one, and another session has to be
   * opened.
   */
  async run(): Promise<Exported> {
    try {
      return await this.#push.run((await this.#shelf.records())?.all)
    } catch (error) {
      throw error instanceof CodedError ? error : natsFailure(this.#shelf.name, error)
    }
  }

  async close(): Promise<void> {
    await this.#shelf.close()
    await this.#link.connection.close()
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

interface PushParts {
  readonly store: FolderSource
  readonly link: NatsLink
  readonly name: string
  readonly bucket: string
  readonly buckets: Buckets
  readonly clock: Clock
}

class NatsPush {
  readonly #clock: Clock
  readonly #store: FolderSource
  readonly #link: NatsLink
  readonly #name: string
  readonly #bucket: string
  readonly #buckets: Buckets
  /** What has been put in this run, or is being put: whoever needs it waits for it. */
  readonly #parts = new Map<string, Promise<void>>()
  /** Each that is written has pieces in memory. */
  readonly #writing = new Turns(PUT_AT_ONCE)
  /** As they were last read, here and there. */
  #pointers: ReadonlyMap<string, Uint8Array> = new Map()
  #there: ReadonlyMap<string, TenantRecord> = new Map()
  /** Tenants that need nothing, as long as both of these are the same. */
  readonly #done = new Map<string, { readonly live: Uint8Array; readonly there: unknown }>()
  #doneAnewMs = Number.NEGATIVE_INFINITY
  #changed = 0
  #newer = 0
  #newBytes = 0

  constructor(parts: PushParts) {
    const { store, link, name, bucket, buckets, clock } = parts
    this.#clock = clock
    this.#store = store
    this.#link = link
    this.#name = name
    this.#bucket = bucket
    this.#buckets = buckets
  }

  /** `there`: what the records are before; undefined: as they were. */
  async run(there: ReadonlyMap<string, TenantRecord> | undefined): Promise<Exported> {
    const reader = new RecordReader(this.#store)
    this.#there = there ?? this.#there
    this.#pointers = (await this.#store.look())?.all ?? this.#pointers
    this.#parts.clear()
    this.#forgetDone()
    const before = [this.#changed, this.#newer, this.#newBytes] as const
    const left = [...this.#pointers].filter(([tenant, live]) => !this.#isDone(tenant, live))
    await someAtOnce(left, PUT_AT_ONCE, async ([tenant, live]) => {
      const record = this.#there.get(tenant)
      const read = await reader.read(tenant, live)
      if (!isThere(read.record, record)) await this.#put(tenant, read)
      this.#done.set(tenant, { live, there: record })
    })
    return {
      tenants: this.#pointers.size,
      changed: this.#changed - before[0],
      newer: this.#newer - before[1],
      newBytes: this.#newBytes - before[2],
    }
  }

  #isDone(tenant: string, live: Uint8Array): boolean {
    const done = this.#done.get(tenant)
    return done?.live === live && done.there === this.#there.get(tenant)
  }

  /** A signature may have come without a switch. */
  #forgetDone(): void {
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#doneAnewMs < DONE_MS) return
    this.#doneAnewMs = nowMs
    this.#done.clear()
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
    await someAtOnce(parts.values(), PARTS_AT_ONCE, (part) => this.#putPart(part))
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

  #putPart(part: StoredPart): Promise<void> {
    const before = this.#parts.get(part.digest)
    if (before !== undefined) return before
    const put = this.#putNew(part)
    this.#parts.set(part.digest, put)
    return put
  }

  async #putNew({ digest, bytes, path }: StoredPart): Promise<void> {
    const store = this.#buckets.bytes
    const said = `SHA-256=${Buffer.from(digest, 'hex').toString('base64url')}`
    const there = await store.info(digest)
    const isSame = there?.size === bytes && there.digest.replace(/=+$/, '') === said
    if (there !== null && !there.deleted && isSame) return
    await this.#writing.take(async () => {
      const contents = await this.#store.stream(path, bytes)
      if (contents === undefined) throw noSource(this.#store.name, `${path} is missing`)
      const object = { name: digest, contents, replaced: there?.nuid }
      await putObject(this.#link, this.#bucket, object)
    })
    this.#newBytes += bytes
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
