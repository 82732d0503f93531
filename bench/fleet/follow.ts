/**
 * How long it takes until what is published is live on machines that follow.
 *
 *     node bench/fleet/follow.ts [--tenants 10000] [--rounds 100] [--bytes 15728640]
 *
 * First, unless there are none: so many tenants over a folder and, where nats-server is installed, over NATS: the first look, a look at nothing new, one tenant
 * switched, all of them switched. Then: a release of so many bytes, from the beginning of its publication to its being live in the stores of
 * three followers, over NATS and this machine's loopback; without hardening, which is none of the followers'.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { systemClock as clock } from '../../src/base/clock.ts'
import { FolderSource } from '../../src/follow/folder-source.ts'
import { Follower } from '../../src/follow/follower.ts'
import { parseNatsAddress } from '../../src/follow/nats-link.ts'
import { NatsShelf } from '../../src/follow/nats-shelf.ts'
import { RecordSource } from '../../src/follow/record-source.ts'
import type { ReleaseSource } from '../../src/follow/release-source.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { Replica } from '../../src/store/replica.ts'
import { nodeFiles } from '../../src/store/store-files.ts'
import { exportToNats } from '../../test/support/follow/export-to-nats.ts'
import { Child, freePort } from '../../test/support/peers/child.ts'
import { findProgram } from '../../test/support/peers/start-peer.ts'
import { release } from '../../test/unit/store/drafts.ts'

const MACHINES = 3

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '100' },
    bytes: { type: 'string', default: String(15 * 1024 * 1024) },
  },
})
const tenants = Number(values.tenants)
const rounds = Number(values.rounds)
const bytes = Number(values.bytes)
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-fleet-'))
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** A follower of its own store. */
async function follow(name: string, source: ReleaseSource) {
  const root = join(folder, name)
  const replica = await Replica.make(root, { clock })
  const follower = new Follower({
    ...{ source, replica, clock, intervalMs: 2000, onFacts: () => undefined },
    logger: pino({ level: 'silent' }),
  })
  return { follower, store: await DirectoryStore.open(root, { clock }) }
}

/** Has `work` done, and says how long it took and what of it was this process's. */
async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const [from, before] = [clock.nowMs(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  say(`  ${what}: ${seconds(clock.nowMs() - from)}, processor ${seconds((user + system) / 1000)}`)
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** A store in which every tenant has two releases, the same for all, and `switchTo` makes one live for some of them. */
async function crowd(count: number) {
  const root = join(folder, 'crowd')
  const store = await DirectoryStore.make(root, { clock })
  const pointer = join(root, 'live/acme.json')
  const states: string[] = []
  for (const module of ['1', '2', '3']) {
    await release(store, nodeFiles, { module, files: { 'index.html': 'x'.repeat(1000) } })
    states.push(readFileSync(pointer, 'utf8'))
  }
  const entries = (await nodeFiles.list(join(root, 'tenants/acme'))).map(({ name }) => name)
  const names = Array.from({ length: count }, (_, number) => `t${number}`)
  for (const name of names) {
    mkdirSync(join(root, 'tenants', name))
    for (const entry of entries) {
      const text = readFileSync(join(root, 'tenants/acme', entry))
      writeFileSync(join(root, 'tenants', name, entry), text)
    }
  }
  rmSync(pointer)
  const switchTo = (number: number, some: readonly string[]): void => {
    // By a rename, as stores do it: whoever looks sees it by the folder's time.
    for (const name of some) {
      const draft = join(root, 'tmp', name)
      writeFileSync(draft, states[number] ?? '')
      renameSync(draft, join(root, 'live', `${name}.json`))
    }
  }
  return { root, names, switchTo }
}

async function measureCrowd(
  kind: string,
  { names, switchTo }: Awaited<ReturnType<typeof crowd>>,
  { source, sync }: { readonly source: ReleaseSource; sync(): Promise<unknown> },
): Promise<void> {
  const { follower, store } = await follow(`crowd-${kind}`, source)
  say(`${kind}, ${names.length} tenants`)
  const step = async (what: string, number: number, some: readonly string[]): Promise<void> => {
    switchTo(number, some)
    await sync()
    await timed(what, () => follower.look())
    const { behind, error } = follower.facts
    if (behind > 0 || error !== null) throw new Error(`not in step: ${JSON.stringify(error)}`)
  }
  await step('the first look', 0, names)
  await timed('nothing new', () => follower.look())
  await step('one switched', 1, names.slice(0, 1))
  await step('all switched', 2, names)
  const { problems } = await store.check()
  if (problems.length > 0) throw new Error(`not whole: ${JSON.stringify(problems[0])}`)
}

/** Milliseconds of each round, until the last of the followers has it. */
async function measureRounds(server: string): Promise<void> {
  const address = parseNatsAddress(`nats://${server}/rounds`)
  if (address === undefined) throw new Error('no address')
  const options = { clock, secrets: {}, allowsOldServer: true, replicas: 1 }
  const root = join(folder, 'origin')
  const origin = await DirectoryStore.make(root, { clock })
  await exportToNats(root, address, options)
  const shelves = Array.from({ length: MACHINES }, () => new NatsShelf(address, options))
  const machines = await Promise.all(
    shelves.map((shelf, number) => follow(`machine-${number}`, new RecordSource(shelf))),
  )
  for (const { follower } of machines) follower.start()
  const took: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const files = { 'a.bin': randomBytes(bytes / 2).toString('hex') }
    const from = clock.nowMs()
    const { release: digest } = await release(origin, nodeFiles, { module: `${round}`, files })
    await exportToNats(root, address, options)
    for (const { store } of machines) {
      while ((await store.state('acme')).handlers['main']?.release !== digest) {
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    took.push(clock.nowMs() - from)
  }
  took.sort((a, b) => a - b)
  const at = (part: number): string =>
    `${Math.round(took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0)} ms`
  say(
    `${bytes} bytes to ${MACHINES} followers, ${rounds} rounds: median ${at(0.5)}, p99 ${at(0.99)}`,
  )
  for (const { follower } of machines) await follower.close()
  for (const shelf of shelves) await shelf.close()
}

try {
  const many = tenants > 0 ? await crowd(tenants) : undefined
  const sync = async (): Promise<void> => undefined
  if (many !== undefined)
    await measureCrowd('dir', many, { source: new FolderSource(many.root, clock), sync })
  if (findProgram('nats-server') === undefined) say('nats-server is not installed: left out')
  else {
    const port = await freePort()
    const config = join(folder, 'nats.conf')
    const lines = ['max_file_store: 8G', `store_dir: "${join(folder, 'nats')}"`]
    writeFileSync(config, `listen: "127.0.0.1:${port}"\njetstream { ${lines.join(', ')} }\n`)
    const child = new Child('nats-server', ['-c', config], { directory: folder })
    try {
      await child.accepting({ host: '127.0.0.1', tcpPort: port })
      const address = parseNatsAddress(`nats://127.0.0.1:${port}/crowd`)
      if (address === undefined) throw new Error('no address')
      const options = { clock, secrets: {}, allowsOldServer: true, replicas: 1 }
      const shelf = new NatsShelf(address, options)
      if (many !== undefined) {
        await measureCrowd('nats', many, {
          source: new RecordSource(shelf),
          sync: () => timed('(export)', () => exportToNats(many.root, address, options)),
        })
      }
      await shelf.close()
      await measureRounds(`127.0.0.1:${port}`)
    } finally {
      await child.stop()
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
