/** Machines that follow servers of NATS, which are killed, cut off, slow, full or lie: nothing is lost, and nothing is half there. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, mkdirSync, statfsSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { pino } from 'pino'
import { expect, onTestFinished, test, vi } from 'vitest'
import { NatsExport } from '../../../src/follow/export-nats.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { parseNatsAddress } from '../../../src/follow/nats-link.ts'
import { keyOf, NatsShelf } from '../../../src/follow/nats-shelf.ts'
import { RecordSource } from '../../../src/follow/record-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { filesAtOnce, nodeFiles } from '../../../src/store/store-files.ts'
import { exportToNats } from '../../support/follow/export-to-nats.ts'
import { slowLink } from '../../support/follow/nats-links.ts'
import {
  addressOf,
  BUCKET,
  natsPlace,
  OPTIONS,
  putRecord,
  withNats,
} from '../../support/follow/nats-place.ts'
import { hasNats, NatsServer } from '../../support/follow/nats-server.ts'
import {
  clock,
  hostileListing,
  setUp,
  sourceCases,
  temporaryFolder,
} from '../../support/follow/source-cases.ts'
import { release } from '../../unit/store/drafts.ts'

const isRoot = process.getuid?.() === 0

if (hasNats()) {
  const place = async (store: string) => natsPlace(store, await NatsServer.start())
  sourceCases('nats', place)
  hostileListing('nats', place)
}

const natsTest = test.skipIf(!hasNats())

natsTest('what is published on one machine is live on another as soon as it is told', async () => {
  const server = await NatsServer.start()
  const { publish, follower, live, local } = await setUp((store) => natsPlace(store, server))
  const old = await publish({ module: '1' })
  // No look comes by itself within this test.
  follower.start()
  onTestFinished(() => follower.close())
  await expect.poll(() => live()).toBe(old)
  const next = await publish({ module: '2' })
  await expect.poll(() => live()).toBe(next)
  // Also when the server was killed meanwhile.
  await server.kill()
  await server.restart()
  const last = await publish({ module: '3' })
  await expect.poll(() => live()).toBe(last)
  expect((await local.check()).problems).toEqual([])
  expect(follower.facts).toMatchObject({ behind: 0, switches: 3 })
})

natsTest(
  'two machines publish: the last switch counts, and nobody takes back what he has not seen',
  async () => {
    const server = await NatsServer.start()
    const address = addressOf(server.address)
    const machine = async () => {
      const root = join(temporaryFolder(), 'store')
      const store = await DirectoryStore.make(root, { clock })
      const shelf = new NatsShelf(address, OPTIONS)
      onTestFinished(() => shelf.close())
      const follower = new Follower({
        ...{ source: new RecordSource(shelf), replica: await Replica.make(root, { clock }), clock },
        ...{ logger: pino({ level: 'silent' }), intervalMs: 1000, onFacts: () => undefined },
      })
      const live = async () => (await store.state('acme')).handlers['main']?.release
      return { store, follower, live, sync: () => exportToNats(root, address, OPTIONS) }
    }
    const [a, b] = [await machine(), await machine()]
    await release(a.store, nodeFiles, { module: '1' })
    expect(await a.sync()).toMatchObject({ tenants: 1, changed: 1, newer: 0 })
    await b.follower.look()
    expect(await b.sync()).toMatchObject({ changed: 0, newer: 0, newBytes: 0 })
    const second = await release(b.store, nodeFiles, { module: '2' })
    expect(await b.sync()).toMatchObject({ changed: 1 })
    // It has not looked yet: what it has is older.
    expect(await a.sync()).toMatchObject({ changed: 0, newer: 1 })
    await a.follower.look()
    expect(await a.live()).toBe(second.release)
    await release(a.store, nodeFiles, { module: '3' })
    const fourth = await release(b.store, nodeFiles, { module: '4' })
    await b.sync()
    expect(await a.sync()).toMatchObject({ changed: 0, newer: 1 })
    for (const one of [a, b]) {
      await one.follower.look()
      expect(await one.live()).toBe(fourth.release)
      expect((await one.store.check()).problems).toEqual([])
    }
    expect(await a.sync()).toMatchObject({ changed: 0, newer: 0 })
    // Back again, which is a switch like any other.
    await a.store.rollBack('acme')
    expect(await a.sync()).toMatchObject({ changed: 1, newBytes: 0 })
    await b.follower.look()
    expect(await b.live()).toBe(await a.live())
  },
)

natsTest(
  'an export that goes on asks for what is new only, and puts right what others have changed',
  async () => {
    const server = await NatsServer.start()
    const root = join(temporaryFolder(), 'store')
    const store = await DirectoryStore.make(root, { clock })
    for (const tenant of ['acme', 'blog']) await release(store, nodeFiles, { module: '1', tenant })
    const session = await NatsExport.open(root, addressOf(server.address), OPTIONS)
    onTestFinished(() => session.close())
    expect(await session.run()).toMatchObject({ tenants: 2, changed: 2 })
    expect(await session.run()).toMatchObject({ tenants: 2, changed: 0, newer: 0, newBytes: 0 })
    // Nothing is read for what is as it was.
    const read = vi.spyOn(filesAtOnce, 'read')
    expect(await session.run()).toMatchObject({ changed: 0 })
    expect(read).not.toHaveBeenCalled()
    read.mockRestore()
    await release(store, nodeFiles, { module: '2', tenant: 'blog' })
    await putRecord(server, 'acme', '{}')
    expect(await session.run()).toMatchObject({ tenants: 2, changed: 2 })
    const shelf = new NatsShelf(addressOf(server.address), OPTIONS)
    onTestFinished(() => shelf.close())
    const first = await shelf.records()
    expect([...(first?.all.keys() ?? [])].sort()).toEqual(['acme', 'blog'])
    expect(first?.all.get('acme')?.live).toContain('main')
    expect(first?.changed).toBeUndefined()
    // From then on only what has changed is gone through, however many tenants there are.
    expect(await shelf.records()).toBeUndefined()
    await release(store, nodeFiles, { module: '3', tenant: 'blog' })
    expect(await session.run()).toMatchObject({ changed: 1 })
    const second = await shelf.records()
    expect([second?.all.size, [...(second?.changed ?? [])]]).toEqual([2, ['blog']])
    expect(await shelf.records()).toBeUndefined()
  },
)

natsTest('a server that does not answer, and one that is cut off in the middle', async () => {
  const server = await NatsServer.start()
  const link = await slowLink(server.port)
  const { publish, follower, look, live, place } = await setUp(async (store) => {
    const shelf = new NatsShelf(addressOf(`127.0.0.1:${link.port}`), { ...OPTIONS, answerMs: 1000 })
    onTestFinished(() => shelf.close())
    return { ...(await natsPlace(store, server)), source: new RecordSource(shelf) }
  })
  const old = await publish({ module: '1' })
  await look()
  server.freeze()
  expect(await look()).toMatchObject({ tenants: 1, error: { code: 'FOLLOW_NO_SOURCE' } })
  server.thaw()
  await expect.poll(async () => (await look()).error).toBe(null)
  // 600 KB at 1 MB/s, and the link is cut in the middle of them until it is mended.
  link.slow()
  link.cutAfter(300_000)
  const next = await publish({ module: '2', files: { 'a.bin': randomText(600_000) } })
  await follower.look()
  expect(follower.facts.error).toMatchObject({ code: 'FOLLOW_NO_SOURCE' })
  expect(await live()).toBe(old)
  link.mend()
  await expect.poll(async () => (await look()).error).toBe(null)
  expect(await live()).toBe(next)
  expect(place.source.name).toBe(`nats://127.0.0.1:${link.port}/${BUCKET}`)
})

natsTest('records and objects that lie', async () => {
  const server = await NatsServer.start()
  const { publish, look, live } = await setUp((store) => natsPlace(store, server))
  const old = await publish({ module: '1' })
  await look()
  const text = (published: object, signatures: object = {}): string =>
    JSON.stringify({ live: '{}', published, signatures })
  for (const bad of [
    '',
    '{',
    '[]',
    '{}',
    text({}),
    text({ '../x': '' }),
    text({}, { '../x': '' }),
  ]) {
    // What is exported puts such a record right.
    const other = await publish({ module: `other ${bad}`, tenant: 'blog' })
    await putRecord(server, 'acme', bad)
    await putRecord(server, '-no.tenant', bad)
    expect([bad, await look()]).toMatchObject([
      bad,
      { behind: 1, tenants: 2, error: { code: 'STORE_DAMAGED' } },
    ])
    expect([await live(), await live('blog')]).toEqual([old, other])
  }
  const next = await publish({ module: '2' })
  const digest = createHash('sha256').update('hardened 2').digest('hex')
  const subject = `$O.${BUCKET}.M.${Buffer.from(digest).toString('base64')}`
  const lies: ReadonlyArray<readonly [object, string]> = [
    [{ size: 1e12 }, 'FOLLOW_STRANGE_ANSWER'],
    [{ nuid: '>' }, 'FOLLOW_STRANGE_ANSWER'],
    [{ nuid: 'none' }, 'STORE_DAMAGED'],
    [{ options: { link: { bucket: BUCKET, name: digest } } }, 'FOLLOW_STRANGE_ANSWER'],
    [{ deleted: true }, 'STORE_DAMAGED'],
    [{ size: 'many' }, 'FOLLOW_STRANGE_ANSWER'],
  ]
  await withNats(server, async (connection) => {
    const objects = await new Objm(jetstream(connection)).open(BUCKET)
    const info = await objects.info(digest)
    const put = async (lie: object): Promise<void> => {
      const plain = { ...JSON.parse(JSON.stringify(info)).info, ...lie }
      await jetstream(connection).publish(subject, JSON.stringify(plain))
    }
    for (const [lie, code] of lies) {
      await put(lie)
      expect([lie, (await look()).error]).toMatchObject([lie, { code }])
      expect(await live()).toBe(old)
    }
    // More pieces than it says, without an end as far as anybody here can know.
    await put({ chunks: 41 })
    for (let piece = 0; piece < 40; piece += 1) {
      await jetstream(connection).publish(`$O.${BUCKET}.C.${info?.nuid}`, Buffer.alloc(500_000))
    }
    expect((await look()).error?.code).toBe('FOLLOW_STRANGE_ANSWER')
    const manager = await jetstreamManager(connection)
    await manager.streams.purge(`OBJ_${BUCKET}`, { filter: `$O.${BUCKET}.C.${info?.nuid}` })
    expect((await look()).error?.code).toBe('STORE_DAMAGED')
    await objects.putBlob({ name: digest }, Buffer.from('hardened 2'))
  })
  expect(await look()).toMatchObject({ behind: 0, error: null })
  expect(await live()).toBe(next)
})

natsTest('more records than are held: what is live stays, and nobody asks again', async () => {
  const server = await NatsServer.start()
  const { publish, look, live } = await setUp(async (store) => {
    const options = { ...OPTIONS, maxRecordsBytes: 4000 }
    const shelf = new NatsShelf(addressOf(server.address), options)
    onTestFinished(() => shelf.close())
    return { ...(await natsPlace(store, server)), source: new RecordSource(shelf) }
  })
  // What is replaced does not count.
  let old = ''
  for (const module of ['1', '2', '1', '2', '1', '2', '1', '2']) {
    old = await publish({ module })
    expect(await look()).toMatchObject({ error: null })
  }
  for (let number = 0; number < 8; number += 1) {
    await publish({ module: '2', tenant: `other${number}` })
  }
  await publish({ module: '3' })
  for (let again = 0; again < 2; again += 1) {
    const { error, tenants } = await look()
    expect(error).toMatchObject({ code: 'FOLLOW_STRANGE_ANSWER' })
    expect(error?.message).toContain('its records have more than 4000 bytes')
    expect([tenants, await live()]).toEqual([1, old])
  }
  // Made anew, with less in it.
  await withNats(server, async (one) => {
    await (await jetstreamManager(one)).streams.delete(`KV_${BUCKET}`)
  })
  const root = join(temporaryFolder(), 'store')
  const store = await DirectoryStore.make(root, { clock })
  const { release: next } = await release(store, nodeFiles, { module: '4' })
  await exportToNats(root, addressOf(server.address), OPTIONS)
  expect(await look()).toMatchObject({ error: null, tenants: 1 })
  expect(await live()).toBe(next)
})

natsTest('a bucket that is made anew is read anew, and without it what is live stays', async () => {
  const server = await NatsServer.start()
  const { publish, look, live } = await setUp((store) => natsPlace(store, server))
  const old = await publish({ module: '1' })
  await look()
  const remove = (stream: string) =>
    withNats(server, async (one) => (await jetstreamManager(one)).streams.delete(stream))
  await remove(`KV_${BUCKET}`)
  expect(await look()).toMatchObject({ tenants: 1, error: { code: 'FOLLOW_NO_SOURCE' } })
  await remove(`OBJ_${BUCKET}`)
  const next = await publish({ module: '2' })
  expect(await live()).toBe(old)
  expect(await look()).toMatchObject({ behind: 0, error: null })
  expect(await live()).toBe(next)
  expect(keyOf('a.b')).toBe('a=b')
})

test.skipIf(!isRoot || !hasNats())(
  'a full disk of the server: the export says so, and goes on when there is space',
  async () => {
    const disk = join(temporaryFolder(), 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
    onTestFinished(() => void spawnSync('umount', ['-l', disk]))
    const server = await NatsServer.start({ store: join(disk, 'store') })
    const { publish, look, live, place } = await setUp((store) => natsPlace(store, server))
    const old = await publish({ module: '1' })
    await look()
    const filler = join(disk, 'filler')
    const { bavail, bsize } = statfsSync(disk)
    appendFileSync(filler, Buffer.alloc(bavail * bsize - 200_000, 1))
    const files = { 'a.bin': randomText(1_000_000) }
    await expect(publish({ module: '2', files })).rejects.toMatchObject({
      code: 'FOLLOW_NO_SOURCE',
    })
    await look()
    expect(await live()).toBe(old)
    truncateSync(filler, 0)
    await server.kill()
    await server.restart()
    await place.sync()
    await expect.poll(async () => (await look()).error).toBe(null)
    expect(await live()).not.toBe(old)
  },
)

natsTest(
  'who may read is asked for a password, an old server is refused, and no message has a secret',
  async () => {
    const lines = ['authorization { users = [{ user: "fleet", password: "canary-good" }] }']
    const server = await NatsServer.start({ lines })
    const address = addressOf(server.address)
    const failure = async (secrets: Readonly<Record<string, string>>, allowsOldServer = true) => {
      const shelf = new NatsShelf(address, { secrets, allowsOldServer })
      onTestFinished(() => shelf.close())
      return shelf.records().then(
        () => 'none',
        (error: unknown) => `${Object(error).code} ${error}`,
      )
    }
    const good = { USERNAME: 'fleet', PASSWORD: 'canary-good' }
    const said = [
      await failure({}),
      await failure({ USERNAME: 'fleet', PASSWORD: 'canary-wrong' }),
      await failure({ TOKEN: 'canary-token' }),
      await failure({ NKEY_SEED: 'canary-seed' }),
      await failure({ SECRET: 'canary-other' }),
      await failure(good, false),
      await failure(good),
    ]
    const codes = said.map((text) => text.split(' ')[0])
    expect(codes.slice(0, 4)).toEqual(Array(4).fill('FOLLOW_NO_SOURCE'))
    expect(codes.slice(4)).toEqual(['FOLLOW_BAD_SECRETS', 'FOLLOW_OLD_SERVER', 'FOLLOW_NO_SOURCE'])
    // It was let in: there is nothing to follow yet.
    expect(said.at(-1)).toContain('there is no such bucket')
    expect(said.join()).not.toContain('canary')
  },
)

test.for([
  ['nats://127.0.0.1:4222/fleet', true],
  ['nats://127.0.0.1:4222,localhost:4223/fleet', true],
  ['tls://a.example:4222,b.example/fleet', true],
  ['nats://a.example/fleet', false],
  ['nats://127.0.0.1,a.example/fleet', false],
  ['tls://user:password@a.example/fleet', false],
  ['tls://a.example/', false],
  ['tls://a.example/a.b', false],
] as const)('%s is an address: %s', ([address, isGood]) => {
  expect(parseNatsAddress(address) !== undefined).toBe(isGood)
})

/** That does not compress, and is not in the store yet. */
function randomText(bytes: number): string {
  return createHash('shake256', { outputLength: bytes / 2 })
    .update('seed')
    .digest('hex')
}
