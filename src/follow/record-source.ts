/** A source that holds records of tenants and bytes by digest (tenant-record.ts), as a store's files. */
import { isDigest } from '../store/digest.ts'
import { strangeAnswer } from './errors.ts'
import type { ReleaseSource, SeenPointers } from './release-source.ts'
import type { TenantRecord } from './tenant-record.ts'

/** What a shelf has. */
export interface SeenRecords {
  /** Of all tenants. The shelf's own: it may change with the next look. */
  readonly all: ReadonlyMap<string, TenantRecord>
  /** Tenants whose records may be others than at the last answer, or gone; undefined: any may. */
  readonly changed: ReadonlySet<string> | undefined
}

/** Where both are held. All reject with `FollowError`. */
export interface RecordShelf {
  readonly name: string
  /** Undefined: as they were told the last time. */
  records(): Promise<SeenRecords | undefined>
  /** The bytes of a digest, which nobody has checked yet; undefined: there are none. */
  bytes(digest: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined>
  /** As `ReleaseSource` has it. */
  watch?(changed: () => void): void
}

export class RecordSource implements ReleaseSource {
  readonly name: string
  readonly #shelf: RecordShelf
  #records: ReadonlyMap<string, TenantRecord> = new Map()
  #pointers: Map<string, Uint8Array> = new Map()

  constructor(shelf: RecordShelf) {
    this.#shelf = shelf
    this.name = shelf.name
  }

  async look(): Promise<SeenPointers | undefined> {
    const seen = await this.#shelf.records()
    if (seen === undefined) return undefined
    const { all, changed } = seen
    if (changed === undefined) this.#pointers = this.#pointersOf(all)
    for (const tenant of changed ?? []) {
      const record = all.get(tenant)
      if (record === undefined) this.#pointers.delete(tenant)
      else this.#pointers.set(tenant, Buffer.from(record.live))
    }
    this.#records = all
    return { all: this.#pointers, changed }
  }

  /** The same one for a record that is still the same: nobody has to compare them. */
  #pointersOf(records: ReadonlyMap<string, TenantRecord>): Map<string, Uint8Array> {
    const pointers = new Map<string, Uint8Array>()
    for (const [tenant, record] of records) {
      const known = this.#records.get(tenant) === record ? this.#pointers.get(tenant) : undefined
      pointers.set(tenant, known ?? Buffer.from(record.live))
    }
    return pointers
  }

  watch(changed: () => void): void {
    this.#shelf.watch?.(changed)
  }

  async list(folder: string): Promise<readonly string[]> {
    const [kind, tenant = ''] = folder.split('/')
    const record = this.#records.get(tenant)
    if (record === undefined) return []
    if (kind === 'tenants') return Object.keys(record.published).map((digest) => `${digest}.json`)
    return kind === 'signatures' ? Object.keys(record.signatures) : []
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const pieces = await this.stream(path, maxBytes)
    if (pieces === undefined) return undefined
    const all: Uint8Array[] = []
    for await (const piece of pieces) all.push(piece)
    return Buffer.concat(all)
  }

  async stream(path: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const [kind = '', folder = '', name = ''] = path.split('/')
    if (kind === 'blobs' || kind === 'releases') {
      const digest = kind === 'blobs' ? name : name.replace(/\.json$/, '')
      if (!isDigest(digest)) throw strangeAnswer(this.name, `${path} has no digest`)
      return this.#within(await this.#shelf.bytes(digest, maxBytes), path, maxBytes)
    }
    const record = this.#records.get(folder)
    const texts = kind === 'tenants' ? record?.published : record?.signatures
    const key = kind === 'tenants' ? name.replace(/\.json$/, '') : name
    const text = texts !== undefined && Object.hasOwn(texts, key) ? texts[key] : undefined
    return text === undefined ? undefined : once(Buffer.from(text))
  }

  /** Whatever the shelf makes of the bound. */
  #within(
    pieces: AsyncIterable<Uint8Array> | undefined,
    path: string,
    maxBytes: number,
  ): AsyncIterable<Uint8Array> | undefined {
    const { name } = this
    if (pieces === undefined) return undefined
    return (async function* () {
      let bytes = 0
      for await (const piece of pieces) {
        bytes += piece.length
        if (bytes > maxBytes) throw strangeAnswer(name, `${path} has more than ${maxBytes} bytes`)
        yield piece
      }
    })()
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
