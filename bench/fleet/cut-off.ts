/**
 * What machines that follow do when a cluster of three servers of NATS (TLS) loses its leader, and when one of them is cut off: network
 * namespaces on a bridge, each with a server of NATS and a whole wasm-fpm. Takes root, nats-server, openssl, curl and ip.
 *
 *     node bench/fleet/cut-off.ts [--rounds 1]
 *
 * In each round the leader of the records is killed and something is published at once; then a machine's cable is pulled, three releases are
 * published, which the others serve while it goes on with the old one; then the cable is put back. Fails unless each machine serves the last
 * release in the end, the others each in turn, no store has a fault, and each has every release that it served once and no other.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock as clock } from '../../src/base/clock.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { needed } from '../../test/support/built.ts'
import { type Certificates, makeCertificates } from '../../test/support/follow/certificates.ts'
import type { Server } from '../http/process.ts'
import { onStage, type Stage } from '../speed/stage.ts'
import {
  type FollowerMachine,
  publishMark,
  servedBy,
  startExport,
  startFollower,
  startOn,
  TENANT,
  untilServed,
} from './follower-machine.ts'
import { commandOn, MachineNetwork, type MachinePlace } from './namespaces.ts'

const [CLIENTS, ROUTES, MONITOR] = [4222, 6222, 8222]
const STREAM = 'KV_fleet'
const BYTES = 1_000_000
const MOST_MS = 60_000

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '1' } } })
needed(['nats-server', 'openssl', 'curl', 'ip'], { asRoot: true })
const network = new MachineNetwork(3)

try {
  await onStage('cut-off', run)
} finally {
  network.remove()
}

async function run(stage: Stage): Promise<void> {
  const { folder } = stage
  const { hub, machines: places } = network
  const certificates = makeCertificates(
    folder,
    places.map(({ address }) => address),
  )
  const hosts = places.map(({ address }) => `${address}:${CLIENTS}`)
  const fleet = { ...stage, ca: certificates.ca, source: `tls://${hosts.join(',')}/fleet` }
  const startNats = (number: number): Server => {
    const place = at(places, number)
    const config = join(folder, `nats-${number}.conf`)
    writeFileSync(config, natsConfig(place, number, { folder, certificates }))
    return startOn(fleet, place, [`nats-${number}`, 'nats-server', '-c', config])
  }
  const nats = places.map((_, number) => startNats(number))
  const store = await DirectoryStore.make(join(folder, 'store'), { clock })
  startExport(fleet, hub, [store, 3])
  const machines: FollowerMachine[] = []
  for (const place of places) machines.push(await startFollower(fleet, place))
  let count = 0
  const publishNext = async (): Promise<string> => {
    count += 1
    const mark = `release-${String(count).padStart(4, '0')}`
    await publishMark(store, folder, { mark, bytes: BYTES })
    return mark
  }
  const all = async (
    some: readonly FollowerMachine[],
    mark: string,
    what: string,
  ): Promise<void> => {
    const fromMs = clock.nowMs()
    await Promise.all(some.map((machine) => untilServed(machine, mark)))
    process.stdout.write(
      `${what}: served by ${some.length} after ${Math.round(clock.nowMs() - fromMs)} ms\n`,
    )
  }
  await all(machines, await publishNext(), 'the first release')
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const leader = await leaderOf(places)
    process.kill(at(nats, leader).pid, 'SIGKILL')
    await all(machines, await publishNext(), `the leader, server ${leader}, is killed`)
    nats[leader] = startNats(leader)
    await all(machines, await publishNext(), 'it is started again')
    const cut = round % machines.length
    const others = machines.filter((_, number) => number !== cut)
    const old = markIn(await servedBy(at(machines, cut)))
    network.setLink(cut, 'down')
    let last = ''
    for (let more = 0; more < 3; more += 1) {
      last = await publishNext()
      await all(others, last, `machine ${cut} is cut off`)
      assert.equal(
        markIn(await servedBy(at(machines, cut))),
        old,
        'a machine that is cut off serves what it has',
      )
    }
    network.setLink(cut, 'up')
    await all(machines, last, 'the cable is back')
  }
  await check(store, machines)
  process.stdout.write(`${count} releases, all of them where they belong\n`)
}

async function check(store: DirectoryStore, machines: readonly FollowerMachine[]): Promise<void> {
  const wanted = await store.releases(TENANT)
  const numbers = new Map(wanted.map(({ release, number }) => [release, number]))
  const live = (await store.state(TENANT)).handlers['app']?.release
  for (const { store: folder } of machines) {
    const local = await DirectoryStore.open(folder, { clock })
    assert.deepEqual((await local.check()).problems, [])
    const releases = await local.releases(TENANT)
    assert.equal((await local.state(TENANT)).handlers['app']?.release, live)
    assert.equal(new Set(releases.map(({ number }) => number)).size, releases.length)
    for (const { release, number } of releases) assert.equal(numbers.get(release), number)
    // What was live before comes along, up to 16: none of them is missing.
    assert.equal(releases.length, Math.min(wanted.length, 17))
  }
}

interface NatsPlace {
  readonly folder: string
  readonly certificates: Certificates
}

function natsConfig(
  { address }: MachinePlace,
  number: number,
  { folder, certificates }: NatsPlace,
): string {
  const { ca, certificate, key } = certificates
  const tls = `cert_file: "${certificate}", key_file: "${key}"`
  const routes = network.machines.map((one) => `"nats://${one.address}:${ROUTES}"`)
  return `server_name: "server-${number}"
    listen: "${address}:${CLIENTS}"
    http: "${address}:${MONITOR}"
    tls { ${tls} }
    jetstream { store_dir: "${folder}/nats-${number}", max_file_store: 8G }
    cluster {
      name: "fleet", listen: "${address}:${ROUTES}", routes: [${routes.join(', ')}]
      tls { ${tls}, ca_file: "${ca}", verify: true }
    }\n`
}

/** The number of the server that leads the stream of records. */
async function leaderOf(places: readonly MachinePlace[]): Promise<number> {
  for (let waitedMs = 0; waitedMs < MOST_MS; waitedMs += 500) {
    for (const { address } of places) {
      const url = `http://${address}:${MONITOR}/jsz?streams=1&accounts=1`
      const [program = '', ...args] = commandOn(network.hub, ['curl', '-s', '-m', '2', url])
      const text = execFileSync(program, args, { encoding: 'utf8' })
      const found = new RegExp(`"name": "${STREAM}".*?"leader": "server-(\\d)"`, 's').exec(text)
      if (found !== null) return Number(found[1])
    }
    await delay(500)
  }
  throw new Error(`${STREAM} has no leader after ${MOST_MS} ms`)
}

function markIn(reply: string): string | undefined {
  return /release-\d+$/.exec(reply)?.[0]
}

function at<Item>(items: readonly Item[], number: number): Item {
  const item = items[number]
  if (item === undefined) throw new Error(`there is no ${number}`)
  return item
}
