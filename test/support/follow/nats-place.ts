/** A store that is exported to a server of NATS, and followed from there. */
import { jetstream } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import { type NatsAddress, parseNatsAddress } from '../../../src/follow/nats-link.ts'
import { NatsShelf } from '../../../src/follow/nats-shelf.ts'
import { RecordSource } from '../../../src/follow/record-source.ts'
import { exportToNats } from './export-to-nats.ts'
import type { NatsServer } from './nats-server.ts'
import { clock, type SourcePlace } from './source-cases.ts'

export const BUCKET = 'fleet'

/** Debian's is older than what is wanted. */
export const OPTIONS = { clock, secrets: {}, allowsOldServer: true, replicas: 1, answerMs: 2000 }

export function addressOf(server: string): NatsAddress {
  const address = parseNatsAddress(`nats://${server}/${BUCKET}`)
  if (address === undefined) throw new Error(`Cannot use ${server}: it is no address`)
  return address
}

export interface NatsPlace extends SourcePlace {
  readonly shelf: NatsShelf
}

export async function natsPlace(store: string, server: NatsServer): Promise<NatsPlace> {
  const address = addressOf(server.address)
  const shelf = new NatsShelf(address, OPTIONS)
  onTestFinished(() => shelf.close())
  const sync = async (): Promise<void> => void (await exportToNats(store, address, OPTIONS))
  await sync()
  return {
    ...{ shelf, source: new RecordSource(shelf), sync },
    spoil: (path, contents) =>
      withNats(server, async (connection) => {
        const objects = await new Objm(jetstream(connection)).open(BUCKET)
        const digest = /[0-9a-f]{64}/.exec(path)?.[0] ?? ''
        if (contents === undefined) await objects.delete(digest)
        else await objects.putBlob({ name: digest }, contents)
      }),
    takeAway: () => server.kill(),
    bringBack: () => server.restart(),
  }
}

/** A key of the records is another one. */
export function putRecord(server: NatsServer, key: string, text: string): Promise<void> {
  return withNats(server, async (connection) => {
    await (await new Kvm(jetstream(connection)).open(BUCKET)).put(key, text)
  })
}

export async function withNats<Result>(
  { address }: NatsServer,
  work: (connection: NatsConnection) => Promise<Result>,
): Promise<Result> {
  const connection = await connect({ servers: address, tls: null })
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
