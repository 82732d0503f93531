/**
 * How long it takes until every machine serves what one of them has published: three network namespaces on a bridge, each with a whole
 * wasm-fpm that follows a server of NATS over TLS. Takes root, nats-server, openssl and ip.
 *
 *     node bench/fleet/machines.ts [--rounds 100] [--bytes 15728640] [--machines 3]
 *
 * In each round a release of a module and a file of so many bytes, which are on disk by then, is published in the store of the machine in the middle, where `wasm-fpm
 * export --watch` runs; the others are asked over FastCGI until each has answered with it.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock as clock } from '../../src/base/clock.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { needed } from '../../test/support/built.ts'
import { makeCertificates } from '../../test/support/follow/certificates.ts'
import { treeCpuUs } from '../http/cpu-time.ts'
import type { Server } from '../http/process.ts'
import { onStage, type Stage } from '../speed/stage.ts'
import {
  makeSource,
  publishSource,
  startExport,
  startFollower,
  startOn,
  untilServed,
} from './follower-machine.ts'
import { MachineNetwork } from './namespaces.ts'

const NATS_PORT = 4222

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    bytes: { type: 'string', default: String(15 * 1024 * 1024) },
    machines: { type: 'string', default: '3' },
  },
})
const [rounds, bytes] = [Number(values.rounds), Number(values.bytes)]
needed(['nats-server', 'openssl', 'ip'], { asRoot: true })
const network = new MachineNetwork(Number(values.machines))

try {
  await onStage('machines', measure)
} finally {
  network.remove()
}

async function measure(stage: Stage): Promise<void> {
  const { folder } = stage
  const { hub, machines: places } = network
  const { ca, certificate, key } = makeCertificates(folder, [hub.address])
  const fleet = { ...stage, ca, source: `tls://${hub.address}:${NATS_PORT}/fleet` }
  const config = join(folder, 'nats.conf')
  writeFileSync(
    config,
    `listen: "0.0.0.0:${NATS_PORT}"
     tls { cert_file: "${certificate}", key_file: "${key}" }
     jetstream { store_dir: "${folder}/nats", max_file_store: 64G }\n`,
  )
  startOn(fleet, hub, ['nats', 'nats-server', '-c', config])
  const store = await DirectoryStore.make(join(folder, 'store'), { clock })
  startExport(fleet, hub, [store, 1])
  const machines = []
  for (const place of places) machines.push(await startFollower(fleet, place))
  const before = new Map<Server, number>()
  const [took, fromSwitch]: [number[], number[]] = [[], []]
  // The first round is for the caches.
  for (let round = 0; round <= rounds; round += 1) {
    const mark = `round-${String(round).padStart(6, '0')}`
    const source = makeSource(folder, { mark, bytes })
    const fromMs = clock.nowMs()
    await publishSource(store, source)
    const switchedMs = clock.nowMs()
    await Promise.all(machines.map((machine) => untilServed(machine, mark)))
    const nowMs = clock.nowMs()
    rmSync(source, { recursive: true })
    if (round === 0) for (const server of stage.servers) before.set(server, cpuMs(server))
    else {
      took.push(nowMs - fromMs)
      fromSwitch.push(nowMs - switchedMs)
    }
  }
  process.stdout.write(
    `${bytes} bytes to ${machines.length} machines, ${rounds} rounds\n` +
      `  from the beginning of the publication: ${spread(took)}\n` +
      `  from its end, where it is live on the machine that has published: ${spread(fromSwitch)}\n`,
  )
  for (const server of stage.servers) {
    const ms = (cpuMs(server) - (before.get(server) ?? 0)) / rounds
    process.stdout.write(`  processor of ${server.name}, a round: ${Math.round(ms)} ms\n`)
  }
}

/** Of a server and all of its processes. */
function cpuMs({ pid }: Server): number {
  return treeCpuUs(pid) / 1000
}

function spread(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b)
  const at = (part: number): string => {
    const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)
    return `${Math.round(sorted[index] ?? 0)} ms`
  }
  return `median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`
}
