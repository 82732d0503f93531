/** Messages of a server of NATS that its client never hears: what was not heard is asked for again, and never taken as read. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { jetstream } from '@nats-io/jetstream'
import { expect, onTestFinished, test } from 'vitest'
import { NatsShelf } from '../../../src/follow/nats-shelf.ts'
import { addressOf, BUCKET, natsPlace, OPTIONS, withNats } from '../../support/follow/nats-place.ts'
import { hasNats, NatsServer } from '../../support/follow/nats-server.ts'
import { setUp } from '../../support/follow/source-cases.ts'

const TENANTS = 700
const RECORD = JSON.stringify({ live: '{}', published: {}, signatures: {} })

const natsTest = test.skipIf(!hasNats())

natsTest.for([
  ['in the middle of an answer', [100]],
  ['the last of an answer', [499]],
  ['the last of all', [699]],
  ['many, one after the other', [3, 4, 5, 600, 601]],
] as const)('records that are lost on the way: %s', async ([, lost]) => {
  const { server, link, shelf } = await setUpLossy()
  await withNats(server, async (connection) => {
    const client = jetstream(connection)
    const put = async (number: number) => client.publish(`$KV.${BUCKET}.t${number}`, RECORD)
    await Promise.all(Array.from({ length: TENANTS }, (_, number) => put(number)))
  })
  link.lose(lost)
  await expect
    .poll(async () => (await shelf.records().catch(() => undefined))?.all.size, { timeout: 20_000 })
    .toBe(TENANTS)
  expect(link.lost).toBe(lost.length)
})

natsTest('the first one that is lost fails the look, and the next one has all', async () => {
  const { server, link, shelf } = await setUpLossy()
  await withNats(server, async (connection) => {
    const client = jetstream(connection)
    const put = async (number: number) => client.publish(`$KV.${BUCKET}.t${number}`, RECORD)
    await Promise.all(Array.from({ length: TENANTS }, (_, number) => put(number)))
  })
  link.lose([0])
  await expect(shelf.records()).rejects.toMatchObject({ code: 'FOLLOW_NO_SOURCE' })
  expect((await shelf.records())?.all.size).toBe(TENANTS)
})

natsTest('pieces of a large object that are lost on the way are asked for again', async () => {
  const { link, shelf, publish } = await setUpLossy()
  const text = createHash('shake256', { outputLength: 20_000_000 }).update('seed').digest('hex')
  await publish({ module: '1', files: { 'a.bin': text } })
  link.lose([20])
  const digest = createHash('sha256').update(text).digest('hex')
  const hash = createHash('sha256')
  for await (const piece of (await shelf.bytes(digest, text.length)) ?? []) hash.update(piece)
  expect(hash.digest('hex')).toBe(digest)
  expect(link.lost).toBe(1)
})

/** A store that is exported, and a shelf whose link to the server may lose what it is told. */
async function setUpLossy() {
  const server = await NatsServer.start()
  const link = await lossyLink(server.port)
  const shelf = new NatsShelf(addressOf(`127.0.0.1:${link.port}`), OPTIONS)
  onTestFinished(() => shelf.close())
  const { publish } = await setUp((store) => natsPlace(store, server))
  return { server, link, shelf, publish }
}

/**
 * Passes on what a server says, but for some of the messages that it sends from a stream: as if the client had given up their answer a moment
 * before they came.
 */
async function lossyLink(port: number) {
  let [wanted, sent, lost]: [readonly number[], number, number] = [[], 0, 0]
  const proxy = createServer((client) => {
    const server = connectTcp(port, '127.0.0.1')
    const ends = (): void => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.on('error', ends).on('close', ends)
    client.pipe(server)
    passOn(server, (frame, isFromStream) => {
      const isLost = isFromStream && wanted.includes(sent)
      if (isFromStream) sent += 1
      if (isLost) lost += 1
      else client.write(frame)
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  const address = proxy.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    /** By their numbers, from now on. */
    lose: (numbers: readonly number[]): void => {
      wanted = numbers
      sent = 0
      lost = 0
    },
    get lost(): number {
      return lost
    },
  }
}

/** `MSG SUBJECT SID [REPLY] BYTES`, `HMSG SUBJECT SID [REPLY] HEAD BYTES`, or a line alone. */
function passOn(server: Socket, take: (frame: Buffer, isFromStream: boolean) => void): void {
  let held = Buffer.alloc(0)
  server.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes])
    for (;;) {
      const end = held.indexOf('\r\n')
      if (end < 0) return
      const words = held.subarray(0, end).toString('latin1').split(' ')
      const isMessage = words[0] === 'MSG' || words[0] === 'HMSG'
      const length = end + 2 + (isMessage ? Number(words.at(-1)) + 2 : 0)
      if (held.length < length) return
      take(held.subarray(0, length), isMessage && words.some((word) => word.startsWith('$JS.ACK')))
      held = held.subarray(length)
    }
  })
}
