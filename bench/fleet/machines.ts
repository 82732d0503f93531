/**
 * How long it takes until every machine serves what one of them has published: three network namespaces on a bridge, each with a whole
 * wasm-fpm that follows servers of NATS over TLS. Takes root, nats-server, openssl and ip.
 *
 *     node bench/fleet/machines.ts [--rounds 100] [--bytes 15728640] [--machines 3]
 *
 * In each round a release of a module and a file of so many bytes is published in the store of the machine in the middle, where `wasm-fpm
 * export --watch` runs; the others are asked over FastCGI until each has answered with it.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock as clock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { publish } from '../../src/store/publication.ts'
import { makeCertificates } from '../../test/support/follow/certificates.ts'
import { wat } from '../../test/support/wat.ts'
import { treeCpuUs } from '../http/cpu-time.ts'
import { type Server, startServer } from '../http/process.ts'
import { FastCgiLine } from '../speed/fastcgi-line.ts'
import { onStage, type Stage } from '../speed/stage.ts'
import { commandOn, MachineNetwork, type MachinePlace } from './namespaces.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const TENANT = 'acme'
const NATS_PORT = 4222
/** Until a round is given up. */
const MOST_MS = 60_000
const START_MS = 60_000
const ASK_MS = 5

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    bytes: { type: 'string', default: String(15 * 1024 * 1024) },
    machines: { type: 'string', default: '3' },
  },
})
const [rounds, bytes] = [Number(values.rounds), Number(values.bytes)]
const network = new MachineNetwork(Number(values.machines))

try {
  await onStage('machines', measure)
} finally {
  network.remove()
}

async function measure(stage: Stage): Promise<void> {
  const { folder } = stage
  const { hub, machines } = network
  const { ca, certificate, key } = makeCertificates(folder, [hub.address])
  const start = (name: string, place: MachinePlace, args: readonly string[]) => {
    const [command = '', ...rest] = commandOn(place, args)
    const logFile = join(folder, `${name}.log`)
    const env = { NODE_ENV: 'production', NODE_EXTRA_CA_CERTS: ca }
    const server = startServer({ name, command, args: rest, logFile, env })
    stage.servers.push(server)
    return server
  }
  const natsConfig = join(folder, 'nats.conf')
  writeFileSync(
    natsConfig,
    `listen: "0.0.0.0:${NATS_PORT}"
     tls { cert_file: "${certificate}", key_file: "${key}" }
     jetstream { store_dir: "${folder}/nats", max_file_store: 64G }\n`,
  )
  start('nats', hub, ['nats-server', '-c', natsConfig])
  const store = await DirectoryStore.make(join(folder, 'store'), { clock })
  const source = `tls://${hub.address}:${NATS_PORT}/fleet`
  start('export', hub, [
    ...[process.execPath, MAIN, 'export', source, '--store', store.layout.root],
    ...['--watch', '--allow-old-server'],
  ])
  const sockets: string[] = []
  for (const [number, machine] of machines.entries()) {
    const own = join(folder, `machine-${number}`)
    mkdirSync(own)
    const [socket, config] = [join(own, 'www.sock'), join(own, 'wasm-fpm.toml')]
    writeFileSync(
      config,
      `store = "${own}/store"
       [follow]
       source = "${source}"
       ca = "${ca}"
       allow_old_server = true
       [[pool]]
       name = "www"
       listen = ["${socket}"]
       workers = 1
       [[tenant]]
       name = "${TENANT}"
       access_log = "off"\n`.replace(/^ +/gm, ''),
    )
    const args = [process.execPath, MAIN, 'serve', '--config', config]
    await start(`machine-${number}`, machine, args).ready(socket, START_MS)
    sockets.push(socket)
  }
  const before = new Map<Server, number>()
  const took: number[] = []
  const fromSwitch: number[] = []
  // The first round is for the caches.
  for (let round = 0; round <= rounds; round += 1) {
    const mark = `round-${String(round).padStart(6, '0')}`
    const folderOf = writeSource(folder, mark)
    const fromMs = clock.nowMs()
    const units = { size: parseSize, duration: parseDuration }
    await publish(folderOf, { store, tenant: TENANT, route: '/', units, clock })
    const switchedMs = clock.nowMs()
    await Promise.all(sockets.map((socket) => untilServed(socket, mark)))
    const nowMs = clock.nowMs()
    rmSync(folderOf, { recursive: true })
    if (round === 0) {
      for (const server of stage.servers) before.set(server, cpuMs(server))
      continue
    }
    took.push(nowMs - fromMs)
    fromSwitch.push(nowMs - switchedMs)
  }
  process.stdout.write(
    `${bytes} bytes to ${sockets.length} machines, ${rounds} rounds\n` +
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

/** A folder to publish: a module that prints `mark`, and a file that nobody has seen before. */
function writeSource(folder: string, mark: string): string {
  const source = join(folder, 'source')
  mkdirSync(join(source, 'files'), { recursive: true })
  const text = `Content-Type: text/plain\n\nHello, ${mark}`
  writeFileSync(
    join(source, 'app.wasm'),
    wat(`(module
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 1024) "${text.replaceAll('\n', '\\n')}")
      (func (export "_start")
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const ${text.length}))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`),
  )
  writeFileSync(join(source, 'files/a.bin'), randomBytes(bytes))
  const manifest = { name: 'app', module: 'app.wasm', files: 'files' }
  writeFileSync(join(source, 'wasm-fpm.json'), JSON.stringify(manifest))
  return source
}

async function untilServed(socket: string, mark: string): Promise<void> {
  const line = await FastCgiLine.open(socket)
  const mostMs = clock.nowMs() + MOST_MS
  try {
    for (;;) {
      const reply = await line
        .send({ tenant: TENANT, script: '/', root: '' })
        .ended.catch((error: unknown) => String(error))
      if (reply.endsWith(mark)) return
      if (clock.nowMs() > mostMs) throw new Error(`${socket}: not within ${MOST_MS} ms: ${reply}`)
      await delay(ASK_MS)
    }
  } finally {
    line.close()
  }
}

function spread(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b)
  const at = (part: number): string => {
    const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)
    return `${Math.round(sorted[index] ?? 0)} ms`
  }
  return `median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`
}
