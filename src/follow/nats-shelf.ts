/**
 * A store on servers of NATS, as `wasm-fpm export` writes it there. What has changed is asked by the last sequence of the stream of records; when
 * to ask is told by what the server republishes, and by nothing that could go blind: a watch of its own can, for a minute after a server was
 * killed.
 */
import type { ConsumerInfo, StoredMsg } from '@nats-io/jetstream'
import { isName } from '../store/layout.ts'
import { type FollowError, noSource, strangeAnswer } from './errors.ts'
import {
  changeSubject,
  checkVersion,
  type NatsAddress,
  type NatsLink,
  type NatsOptions,
  natsFailure,
  openNats,
  streamInfo,
} from './nats-link.ts'
import type { RecordShelf, SeenRecords } from './record-source.ts'
import { readRecord, type TenantRecord } from './tenant-record.ts'

/** So many are asked for at once: of records, and of pieces of an object, each of at most a message's length (128 KiB as they are written). */
const FETCH_RECORDS = 500
const FETCH_PIECES = 32

/** So few are asked for one by one: a consumer may be put on a server that is gone, or cut off, and all servers have to agree on it. */
const FEW_RECORDS = 16
const FEW_PIECES = 64

/** So many are on their way at once. */
const PIECES_AHEAD = 4

/** Of all records: those of 180,000 tenants that have had as many releases as are remembered. */
const MAX_RECORDS_BYTES = 1024 * 1024 * 1024

/** Nothing for so long, and what is missing does not come. */
const SILENCE_MS = 5000

/** A consumer that was not ended goes by itself. */
const IDLE_NS = 30_000_000_000

/** A record that cannot be read: its tenant waits. */
const BAD_RECORD: TenantRecord = { live: '', published: {}, signatures: {} }

export class NatsShelf implements RecordShelf {
  readonly name: string
  readonly #address: NatsAddress
  readonly #options: NatsOptions
  #link: Promise<NatsLink> | undefined
  #changed: () => void = () => undefined
  #records: Map<string, TenantRecord> = new Map()
  /** Those that were read and not told yet; undefined: all of them. */
  #untold: Set<string> | undefined
  /** Of the records. */
  #bytes = 0
  #isTooLarge = false
  /** Of the stream that was read, and how far. */
  #seen = { created: '', sequence: 0 }

  constructor(address: NatsAddress, options: NatsOptions) {
    this.name = address.name
    this.#address = address
    this.#options = options
  }

  watch(changed: () => void): void {
    this.#changed = changed
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined)
    this.#link = undefined
    await link?.connection.close()
  }

  async records(): Promise<SeenRecords | undefined> {
    try {
      const link = await this.#open()
      checkVersion(link.connection, { name: this.name, ...this.#options })
      const info = await streamInfo(link.manager, this.#stream)
      if (info === undefined) throw noSource(this.name, 'there is no such bucket')
      const { created, state } = info
      const isSame = created === this.#seen.created && state.last_seq >= this.#seen.sequence
      const isRead = isSame && state.last_seq === this.#seen.sequence
      if (isRead && !this.#isTooLarge && this.#untold?.size === 0) return undefined
      if (!isSame) {
        this.#seen = { created, sequence: 0 }
        this.#records = new Map()
        this.#untold = undefined
        this.#bytes = 0
        this.#isTooLarge = false
      }
      // All of it is read again when this process is, or when it is made anew: until then nobody asks for it.
      if (this.#isTooLarge) throw this.#tooLarge()
      for await (const message of this.#messages(link, {
        stream: this.#stream,
        subject: `${this.#prefix}>`,
        from: this.#seen.sequence + 1,
        to: state.last_seq,
        count: state.last_seq - this.#seen.sequence,
        ...{ few: FEW_RECORDS, atOnce: FETCH_RECORDS, isFixed: false },
      })) {
        this.#take(message)
        this.#isTooLarge = this.#bytes > this.#maxBytes
        if (this.#isTooLarge) throw this.#tooLarge()
      }
      this.#seen = { created, sequence: Math.max(this.#seen.sequence, state.last_seq) }
      const changed = this.#untold
      this.#untold = new Set()
      return { all: this.#records, changed }
    } catch (error) {
      throw natsFailure(this.name, error)
    }
  }

  async bytes(digest: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    try {
      const link = await this.#open()
      const { Objm } = await import('@nats-io/obj')
      const store = await new Objm(link.client).open(this.#address.bucket, false)
      const info = await store.info(digest)
      if (info === null || info.deleted) return undefined
      // Not links to elsewhere, and no name that would mean several objects.
      if (info.options?.link !== undefined || !/^[A-Za-z0-9]{1,64}$/.test(info.nuid)) {
        throw strangeAnswer(this.name, `object ${digest} is none of bytes`)
      }
      if (!(info.size <= maxBytes)) {
        throw strangeAnswer(this.name, `object ${digest} has ${info.size} bytes`)
      }
      return this.#pieces(link, `$O.${this.#address.bucket}.C.${info.nuid}`, info.chunks)
    } catch (error) {
      throw natsFailure(this.name, error)
    }
  }

  async *#pieces(link: NatsLink, subject: string, count: number): AsyncGenerator<Uint8Array> {
    const stream = `OBJ_${this.#address.bucket}`
    try {
      for await (const { data } of this.#messages(link, {
        ...{ stream, subject, from: 1, to: Number.POSITIVE_INFINITY, count },
        ...{ few: FEW_PIECES, atOnce: FETCH_PIECES, isFixed: true },
      })) {
        yield data
      }
    } catch (error) {
      throw natsFailure(this.name, error)
    }
  }

  /** What a stream has from a sequence on, to its end as it is now. */
  async *#messages(link: NatsLink, wanted: WantedMessages): AsyncGenerator<StreamMessage> {
    let rest: WantedMessages | undefined = wanted
    while (rest !== undefined) {
      const isMany: boolean = rest.count > rest.few
      const consumer: ConsumerInfo | undefined = isMany
        ? await this.#consumer(link, rest).catch(() => undefined)
        : undefined
      if (consumer !== undefined) rest = yield* this.#manyAtOnce(link, rest, consumer)
      else {
        yield* this.#oneByOne(link, rest)
        return
      }
    }
  }

  async *#oneByOne(
    { manager }: NatsLink,
    { stream, subject, from, to, count, isFixed }: WantedMessages,
  ): AsyncGenerator<StreamMessage> {
    // Mostly one follows the other; where not, what comes next answers several questions.
    const asked = new Map<number, Promise<StoredMsg | null>>()
    const askNearest = (at: number): Promise<StoredMsg | null> => {
      const query = { seq: at, next_by_subj: subject }
      const answer = asked.get(at) ?? manager.direct.getMessage(stream, query).catch(() => null)
      asked.set(at, answer)
      return answer
    }
    let asksNearest = isFixed
    let at = from
    for (let left = count; left > 0 && at <= to; left -= 1) {
      // Of what comes first nobody knows where it is.
      const ahead = at === from ? 1 : Math.min(left, PIECES_AHEAD)
      for (let next = 0; asksNearest && next < ahead; next += 1) void askNearest(at + next)
      const nearest = asksNearest ? await askNearest(at) : null
      // A server that is gone, or does not have it yet: the leader knows.
      asksNearest &&= nearest !== null
      const query = { seq: at, next_by_subj: subject }
      const message = nearest ?? (await manager.streams.getMessage(stream, query))
      if (message === null) return
      for (const before of asked.keys()) if (before <= message.seq) asked.delete(before)
      const { seq, data } = message
      const operation = message.header.get('KV-Operation')
      yield { seq, data, subject: message.subject, operation }
      at = seq + 1
    }
  }

  async #consumer(
    { manager }: NatsLink,
    { stream, subject, from }: WantedMessages,
  ): Promise<ConsumerInfo> {
    const { AckPolicy, DeliverPolicy } = await import('@nats-io/jetstream')
    return manager.consumers.add(stream, {
      filter_subject: subject,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: IDLE_NS,
    })
  }

  /**
   * Answers what is left of it where a message was missed: what the server has sent and nobody has heard (the answer was given up, the
   * connection was made again) it does not send again, and goes on behind it.
   */
  async *#manyAtOnce(
    { client, manager }: NatsLink,
    wanted: WantedMessages,
    info: ConsumerInfo,
  ): AsyncGenerator<StreamMessage, WantedMessages | undefined> {
    const { stream, atOnce } = wanted
    const consumer = client.consumers.getConsumerFromInfo(info)
    let { from } = wanted
    let delivered = 0
    try {
      let left = info.num_pending
      while (left > 0) {
        const before = left
        const most = { max_messages: Math.min(left, atOnce), expires: SILENCE_MS }
        for await (const message of await consumer.fetch(most)) {
          const { deliverySequence, pending } = message.info
          if (deliverySequence !== delivered + 1) {
            if (delivered === 0) throw noSource(this.name, 'its first message was lost')
            return { ...wanted, from, count: wanted.count - delivered }
          }
          delivered += 1
          left = pending
          const { seq, data } = message
          from = seq + 1
          const operation = message.headers?.get('KV-Operation') ?? ''
          yield { seq, data, subject: message.subject, operation }
        }
        if (left === before) throw noSource(this.name, `nothing for ${SILENCE_MS} ms`)
      }
      return undefined
    } finally {
      void manager.consumers.delete(stream, info.name).catch(() => undefined)
    }
  }

  #take(message: StreamMessage): void {
    const tenant = message.subject.slice(this.#prefix.length).replaceAll('=', '.')
    this.#seen = { ...this.#seen, sequence: message.seq }
    // Not one of ours, whoever has put it there.
    if (!isName(tenant)) return
    this.#untold?.add(tenant)
    const { operation } = message
    this.#bytes -= lengthOf(this.#records.get(tenant))
    if (operation === 'DEL' || operation === 'PURGE') {
      this.#records.delete(tenant)
      return
    }
    let record = BAD_RECORD
    try {
      record = readRecord(Buffer.from(message.data).toString('utf8'), this.name)
    } catch {}
    this.#records.set(tenant, record)
    this.#bytes += lengthOf(record)
  }

  #tooLarge(): FollowError {
    return strangeAnswer(this.name, `its records have more than ${this.#maxBytes} bytes`)
  }

  async #open(): Promise<NatsLink> {
    const old = await this.#link
    if (old !== undefined && !old.connection.isClosed()) return old
    this.#link = openNats(this.#address, this.#options)
    try {
      const link = await this.#link
      const subject = changeSubject(this.#address.bucket)
      // Made anew by the library wherever it connects again.
      link.connection.subscribe(subject, { callback: () => this.#changed() })
      return link
    } catch (error) {
      this.#link = undefined
      throw error
    }
  }

  get #maxBytes(): number {
    return this.#options.maxRecordsBytes ?? MAX_RECORDS_BYTES
  }

  get #stream(): string {
    return `KV_${this.#address.bucket}`
  }

  get #prefix(): string {
    return `$KV.${this.#address.bucket}.`
  }
}

interface WantedMessages {
  readonly stream: string
  readonly subject: string
  /** Sequences. */
  readonly from: number
  readonly to: number
  /** How many there are at most. */
  readonly count: number
  /** So many are asked for one by one. */
  readonly few: number
  /** More of them: so many at once. */
  readonly atOnce: number
  /** They never change: any server may answer, and not the leader alone. */
  readonly isFixed: boolean
}

interface StreamMessage {
  readonly seq: number
  readonly data: Uint8Array
  readonly subject: string
  /** Of key-value: empty, `DEL` or `PURGE`. */
  readonly operation: string
}

/** About as many bytes as it came in. */
function lengthOf(record: TenantRecord | undefined): number {
  if (record === undefined) return 0
  const { live, published, signatures } = record
  const texts = [...Object.entries(published), ...Object.entries(signatures)].flat()
  return texts.reduce((sum, text) => sum + text.length, live.length)
}

/** The key of a tenant's record: keys have tokens between dots, none of them empty. */
export function keyOf(tenant: string): string {
  return tenant.replaceAll('.', '=')
}
