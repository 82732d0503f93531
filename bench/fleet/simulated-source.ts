/** A server of NATS with a store that was never one: records of tenants, and releases that all of them share. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { systemClock as clock } from '../../src/base/clock.ts'
import { parseNatsAddress } from '../../src/follow/nats-link.ts'
import type { TenantRecord } from '../../src/follow/tenant-record.ts'
import { type Digest, digestOf } from '../../src/store/digest.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { encodeRelease, type StoredBytes } from '../../src/store/release.ts'
import { encodeEntry, encodeState } from '../../src/store/tenant-state.ts'
import { exportToNats } from '../../test/support/follow/export-to-nats.ts'
import { freePort } from '../../test/support/peers/child.ts'
import { type Server, startServer } from '../http/process.ts'
import type { Stage } from '../speed/stage.ts'

const BUCKET = 'fleet'
const START_MS = 60_000
const RETRY_MS = 100
/** As `wasm-fpm export` has them. */
const CHUNK_BYTES = 512 * 1024
const RECORDS_AT_ONCE = 500

/** What the server tells of itself (`/varz`). */
export interface Traffic {
  readonly start: string
  readonly in_msgs: number
  readonly out_msgs: number
  readonly out_bytes: number
  readonly mem: number
  readonly connections: number
  readonly slow_consumers: number
}

export class SimulatedSource {
  readonly address: string
  readonly #stage: Stage
  readonly #ports: { readonly own: number; readonly monitor: number }
  #server: Server
  readonly #connection: NatsConnection

  /** With empty buckets. */
  static async start(stage: Stage): Promise<SimulatedSource> {
    const ports = { own: await freePort(), monitor: await freePort() }
    writeFileSync(
      join(stage.folder, 'nats.conf'),
      `listen: "127.0.0.1:${ports.own}"
       http: "127.0.0.1:${ports.monitor}"
       jetstream { store_dir: "${stage.folder}/nats", max_file_store: 8G }\n`,
    )
    const server = await startServerOf(stage, ports.own)
    const connection = await connect({ port: ports.own, tls: null, maxReconnectAttempts: -1 })
    const source = new SimulatedSource({ stage, ports, server, connection })
    const address = parseNatsAddress(source.address)
    if (address === undefined) throw new Error(`${source.address} is no address`)
    const root = join(stage.folder, 'empty')
    await DirectoryStore.make(root, { clock })
    await exportToNats(root, address, { clock, secrets: {}, allowsOldServer: true, replicas: 1 })
    return source
  }

  private constructor({
    stage,
    ports,
    server,
    connection,
  }: {
    readonly stage: Stage
    readonly ports: { readonly own: number; readonly monitor: number }
    readonly server: Server
    readonly connection: NatsConnection
  }) {
    this.address = `nats://127.0.0.1:${ports.own}/${BUCKET}`
    this.#stage = stage
    this.#ports = ports
    this.#server = server
    this.#connection = connection
  }

  /** Of the server. */
  get pid(): number {
    return this.#server.pid
  }

  async traffic(): Promise<Traffic> {
    const response = await fetch(`http://127.0.0.1:${this.#ports.monitor}/varz`)
    return (await response.json()) as Traffic
  }

  /** Kills the server, and starts it again; resolves when it answers us. */
  async restart(): Promise<void> {
    process.kill(this.#server.pid, 'SIGKILL')
    await this.#server.stop()
    this.#server = await startServerOf(this.#stage, this.#ports.own)
    while ((await this.#connection.rtt().catch(() => undefined)) === undefined) {
      await delay(RETRY_MS)
    }
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  async putRelease(module: Uint8Array): Promise<Digest> {
    const objects = await new Objm(jetstream(this.#connection)).open(BUCKET)
    const put = async (contents: Uint8Array): Promise<StoredBytes> => {
      const digest = digestOf(contents)
      const stream = new ReadableStream<Uint8Array>({
        start: (to) => {
          to.enqueue(contents)
          to.close()
        },
      })
      await objects.put({ name: digest, options: { max_chunk_size: CHUNK_BYTES } }, stream)
      return { digest, bytes: contents.length }
    }
    const { bytes, digest } = encodeRelease({
      format: 1,
      manifest: { name: 'app', route: '/', lifetime: 'reset' } as never,
      original: await put(module.subarray(0, 100)),
      hardened: {
        ...(await put(module)),
        ...{ contract: 1, memoryMaxBytes: 65_536, memories: 1, isResettable: true },
      },
    })
    await put(bytes)
    return digest
  }

  /** Of tenants by their numbers. */
  async putRecords(numbers: readonly number[], record: string): Promise<void> {
    const client = jetstream(this.#connection)
    for (let from = 0; from < numbers.length; from += RECORDS_AT_ONCE) {
      const some = numbers.slice(from, from + RECORDS_AT_ONCE)
      await Promise.all(some.map((number) => client.publish(`$KV.${BUCKET}.t${number}`, record)))
    }
  }
}

/** Live is the last of them; what was live before is in the record, too. */
export function recordOf(releases: readonly Digest[], sequence: number): string {
  const when = new Date(sequence).toISOString()
  const [release = '', past] = [releases.at(-1), releases.slice(0, -1)]
  const live = encodeState({ sequence, handlers: { app: { release, switchedAt: when, past } } })
  const entries = releases.map((one, number) => {
    const entry = encodeEntry({ release: one, handler: 'app', number, publishedAt: when })
    return [one, Buffer.from(entry).toString('utf8')]
  })
  const record: TenantRecord = {
    live: Buffer.from(live).toString('utf8'),
    published: Object.fromEntries(entries),
    signatures: {},
  }
  return JSON.stringify(record)
}

async function startServerOf({ folder, servers }: Stage, port: number): Promise<Server> {
  const server = startServer({
    name: 'nats',
    command: 'nats-server',
    args: ['-c', join(folder, 'nats.conf')],
    logFile: join(folder, 'nats.log'),
  })
  servers.push(server)
  await server.ready(`127.0.0.1:${port}`, START_MS)
  return server
}
