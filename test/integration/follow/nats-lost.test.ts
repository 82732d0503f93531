/** Messages of a server of NATS that its client never hears: what was not heard is asked for again, and never taken as read. */
import { createHash } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import { expect, onTestFinished, test } from 'vitest'
import { NatsShelf } from '../../../src/follow/nats-shelf.ts'
import { lossyLink } from '../../support/follow/nats-links.ts'
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
  await putRecords(server)
  link.lose(lost)
  await expect
    .poll(async () => (await shelf.records().catch(() => undefined))?.all.size, { timeout: 20_000 })
    .toBe(TENANTS)
  expect(link.lost).toBe(lost.length)
})

natsTest('the first one that is lost fails the look, and the next one has all', async () => {
  const { server, link, shelf } = await setUpLossy()
  await putRecords(server)
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

/** One of each tenant. */
function putRecords(server: NatsServer): Promise<void> {
  return withNats(server, async (connection) => {
    const client = jetstream(connection)
    const put = async (number: number) => client.publish(`$KV.${BUCKET}.t${number}`, RECORD)
    await Promise.all(Array.from({ length: TENANTS }, (_, number) => put(number)))
  })
}

/** A store that is exported, and a shelf whose link to the server may lose what it is told. */
async function setUpLossy() {
  const server = await NatsServer.start()
  const link = await lossyLink(server.port)
  const shelf = new NatsShelf(addressOf(`127.0.0.1:${link.port}`), OPTIONS)
  onTestFinished(() => shelf.close())
  const { publish } = await setUp((store) => natsPlace(store, server))
  return { server, link, shelf, publish }
}
