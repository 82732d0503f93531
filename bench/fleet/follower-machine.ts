/** What the benchmarks with machines have in common: a wasm-fpm on each that follows, what is published, and asking until it is served. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock as clock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import type { DirectoryStore } from '../../src/store/directory-store.ts'
import { PROGRAM } from '../../test/support/program.ts'
import { type Server, startServer } from '../http/process.ts'
import { FastCgiLine } from '../speed/fastcgi-line.ts'
import { helloModule } from '../speed/guest-module.ts'
import type { Stage } from '../speed/stage.ts'
import { commandOn, type MachinePlace } from './namespaces.ts'

/** As it is installed: the publisher's process starts in half the time that its sources take. */
const { publish }: typeof import('../../src/store/publication.ts') = await import(
  join(import.meta.dirname, '../../dist/src/store/publication.js')
)

export const TENANT = 'acme'
/** Until what is published is given up. */
const MOST_MS = 90_000
const START_MS = 90_000
const ASK_MS = 5

export interface Fleet extends Stage {
  /** Of the authority that the servers of NATS are certified by. */
  readonly ca: string
  /** `tls://HOST,HOST/BUCKET`. */
  readonly source: string
}

/** A program on a machine; it ends with the stage. */
export function startOn(
  { folder, servers, ca }: Omit<Fleet, 'source'>,
  place: MachinePlace,
  [name, ...args]: readonly [string, ...string[]],
): Server {
  const [command = '', ...rest] = commandOn(place, args)
  const env = { NODE_ENV: 'production', NODE_EXTRA_CA_CERTS: ca }
  const server = startServer({
    name,
    command,
    args: rest,
    logFile: join(folder, `${name}.log`),
    env,
  })
  servers.push(server)
  return server
}

/** `wasm-fpm export --watch` of a store. */
export function startExport(
  fleet: Fleet,
  place: MachinePlace,
  [store, replicas]: readonly [DirectoryStore, number],
): Server {
  return startOn(fleet, place, [
    ...(['export', process.execPath, ...PROGRAM, 'export', fleet.source] as const),
    ...['--store', store.layout.root, '--watch', '--allow-old-server', '--replicas', `${replicas}`],
  ])
}

export interface FollowerMachine {
  readonly server: Server
  readonly socket: string
  /** Of its store. */
  readonly store: string
}

/** Resolves when it accepts. */
export async function startFollower(fleet: Fleet, place: MachinePlace): Promise<FollowerMachine> {
  const own = join(fleet.folder, place.name)
  mkdirSync(own)
  const [socket, config, store] = [
    join(own, 'www.sock'),
    join(own, 'wasm-fpm.toml'),
    join(own, 'store'),
  ]
  writeFileSync(
    config,
    `store = "${store}"
     [follow]
     source = "${fleet.source}"
     ca = "${fleet.ca}"
     allow_old_server = true
     [[pool]]
     name = "www"
     listen = ["${socket}"]
     workers = 1
     [[tenant]]
     name = "${TENANT}"
     access_log = "off"\n`.replace(/^ +/gm, ''),
  )
  const server = startOn(fleet, place, [
    place.name,
    process.execPath,
    ...PROGRAM,
    'serve',
    '--config',
    config,
  ])
  await server.ready(socket, START_MS)
  return { server, socket, store }
}

export interface Wish {
  /** What the module prints. */
  readonly mark: string
  /** Of a file that nobody has seen before. */
  readonly bytes: number
}

/** A folder that can be published. On disk: what is written there is nobody's to wait for later. */
export function makeSource(folder: string, { mark, bytes }: Wish): string {
  const source = join(folder, 'source')
  mkdirSync(join(source, 'files'), { recursive: true })
  const module = helloModule(`Content-Type: text/plain\n\nHello, ${mark}`)
  writeFileSync(join(source, 'app.wasm'), module, { flush: true })
  writeFileSync(join(source, 'files/a.bin'), randomBytes(bytes), { flush: true })
  const manifest = { name: 'app', module: 'app.wasm', files: 'files' }
  writeFileSync(join(source, 'wasm-fpm.json'), JSON.stringify(manifest), { flush: true })
  return source
}

/** Resolves when it is live in that store. */
export async function publishSource(store: DirectoryStore, source: string): Promise<void> {
  const units = { size: parseSize, duration: parseDuration }
  await publish(source, { store, tenant: TENANT, route: '/', units, clock })
}

/** Resolves when it is live in that store. */
export async function publishMark(
  store: DirectoryStore,
  folder: string,
  wish: Wish,
): Promise<void> {
  const source = makeSource(folder, wish)
  await publishSource(store, source)
  rmSync(source, { recursive: true })
}

/** Resolves when a machine answers with it; rejects after a while. */
export async function untilServed({ socket }: FollowerMachine, mark: string): Promise<void> {
  const line = await FastCgiLine.open(socket)
  const mostMs = clock.nowMs() + MOST_MS
  try {
    for (;;) {
      const reply = await ask(line)
      if (reply.endsWith(mark)) return
      if (clock.nowMs() > mostMs) throw new Error(`${socket}: not within ${MOST_MS} ms: ${reply}`)
      await delay(ASK_MS)
    }
  } finally {
    line.close()
  }
}

/** What a machine answers now. */
export async function servedBy({ socket }: FollowerMachine): Promise<string> {
  const line = await FastCgiLine.open(socket)
  try {
    return await ask(line)
  } finally {
    line.close()
  }
}

function ask(line: FastCgiLine): Promise<string> {
  return line
    .send({ tenant: TENANT, script: '/', root: '' })
    .ended.catch((error: unknown) => String(error))
}
