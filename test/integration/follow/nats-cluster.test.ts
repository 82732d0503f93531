/** Three servers of NATS: whichever of them is killed, what is published becomes live; without a majority what is live stays. */
import { jetstreamManager } from '@nats-io/jetstream'
import { expect, onTestFinished, test } from 'vitest'
import { parseNatsAddress } from '../../../src/follow/nats-link.ts'
import { NatsShelf } from '../../../src/follow/nats-shelf.ts'
import { RecordSource } from '../../../src/follow/record-source.ts'
import { exportToNats } from '../../support/follow/export-to-nats.ts'
import { BUCKET, OPTIONS, withNats } from '../../support/follow/nats-place.ts'
import { hasNats, NatsServer } from '../../support/follow/nats-server.ts'
import { setUp } from '../../support/follow/source-cases.ts'
import { freePort } from '../../support/peers/child.ts'

/** Until a leader is elected, on a machine that has other things to do. */
const PATIENCE = { timeout: 90_000, interval: 200 }

test.skipIf(!hasNats())(
  'the leader of three is killed, and a majority',
  { timeout: 300_000 },
  async () => {
    const servers = await startCluster()
    const address = parseNatsAddress(
      `nats://${servers.map((one) => one.address).join(',')}/${BUCKET}`,
    )
    if (address === undefined) throw new Error('no address')
    const { publish, look, live } = await setUp(async (store) => {
      const shelf = new NatsShelf(address, OPTIONS)
      onTestFinished(() => shelf.close())
      const nothing = async (): Promise<void> => undefined
      const sync = async (): Promise<void> => {
        const run = () =>
          exportToNats(store, address, { ...OPTIONS, replicas: 3 }).then(
            () => 'exported',
            (error: unknown) => String(error),
          )
        await expect.poll(run, PATIENCE).toBe('exported')
      }
      return {
        source: new RecordSource(shelf),
        sync,
        ...{ spoil: nothing },
        ...{ takeAway: nothing, bringBack: nothing },
      }
    })
    const followed = async (module: string): Promise<string> => {
      const digest = await publish({ module, files: { 'a.html': module } })
      await expect.poll(async () => (await look()) && live(), PATIENCE).toBe(digest)
      return digest
    }
    await followed('1')
    const leader = await leaderOf(servers)
    await leader.kill()
    await followed('2')
    await leader.restart()
    const last = await followed('3')
    const [first, second] = servers
    await first?.kill()
    await second?.kill()
    await expect.poll(async () => (await look()).error?.code, PATIENCE).toBe('FOLLOW_NO_SOURCE')
    expect(await live()).toBe(last)
    await Promise.all([first?.restart(), second?.restart()])
    await followed('4')
  },
)

async function startCluster(): Promise<readonly NatsServer[]> {
  const ports = [await freePort(), await freePort(), await freePort()]
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  return Promise.all(
    ports.map((port, number) =>
      NatsServer.start({
        lines: [
          `server_name: "server-${number}"`,
          `cluster { name: "fleet", listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        ],
      }),
    ),
  )
}

/** The server that leads the stream of records. */
async function leaderOf(servers: readonly NatsServer[]): Promise<NatsServer> {
  let found: NatsServer | undefined
  const [first] = servers
  const ask = async (): Promise<boolean> => {
    if (first === undefined) return false
    const name = await withNats(first, async (connection) => {
      const info = await (await jetstreamManager(connection)).streams.info(`KV_${BUCKET}`)
      return info.cluster?.leader ?? ''
    }).catch(() => '')
    found = servers[Number(/^server-(\d)$/.exec(name)?.[1])]
    return found !== undefined
  }
  await expect.poll(ask, PATIENCE).toBe(true)
  if (found === undefined) throw new Error('nobody leads')
  return found
}
