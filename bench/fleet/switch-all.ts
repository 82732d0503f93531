/**
 * How long it takes until what changed for thousands of tenants at once is live on a machine that follows: with one release for all, and with
 * one for each.
 *
 *     node bench/fleet/switch-all.ts [--tenants 10000] [--asked 500]
 *
 * A server with all of them follows a folder. Before the switch `asked` of them have had a request; after it these, and as many that never had
 * one, are asked, and each must answer with its new release. Of the server's processes the processor time is told.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock as clock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import { digestOf } from '../../src/store/digest.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { Layout } from '../../src/store/layout.ts'
import { publish } from '../../src/store/publication.ts'
import { encodeRelease, type Release } from '../../src/store/release.ts'
import { encodeEntry, encodeState } from '../../src/store/tenant-state.ts'
import { ownCpuUs } from '../http/cpu-time.ts'
import { FastCgiLine } from '../speed/fastcgi-line.ts'
import { helloModule } from '../speed/guest-module.ts'
import { onStage } from '../speed/stage.ts'
import { startWasmServer, type WasmServer } from '../speed/wasm-server.ts'

/** What a guest prints, and what is put in its place: as long. */
const MARK = 'release-000000-000000'

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '10000' },
    asked: { type: 'string', default: '500' },
  },
})
const tenants = Array.from({ length: Number(values.tenants) }, (_, number) => `t${number}`)
const asked = Number(values.asked)
const MOST_MS = 60_000
const say = (text: string): void => void process.stdout.write(`${text}\n`)

await onStage('switch-all', async ({ folder, servers }) => {
  const there = new Layout(join(folder, 'there'))
  const template = await publishTemplate(there.root)
  const one = variant(there, template, 'release-000001-000000')
  point(there, 1, () => one)
  const wasm = await startWasmServer({
    folder,
    workers: 2,
    startTimeoutMs: MOST_MS,
    tenants: tenants.map((name) => ({ name, root: folder, keys: ['access_log = "off"'] })),
    mainKeys: [
      `store = "${folder}/here"`,
      '[follow]',
      `source = "dir:${there.root}"`,
      'interval = "1s"',
    ],
  })
  servers.push(wasm.server)
  const here = new Layout(join(folder, 'here'))
  const startMs = clock.nowMs()
  await until(() => isLive(here, () => one))
  say(`${tenants.length} tenants: in step ${seconds(clock.nowMs() - startMs)} after the start`)
  const visited = tenants.filter((_, number) => number % Math.ceil(tenants.length / asked) === 0)
  const others = tenants.filter((_, number) => number % Math.ceil(tenants.length / asked) === 1)
  await ask(wasm, visited, () => 'release-000001-000000')
  const two = variant(there, template, 'release-000002-000000')
  await measure('one release for all', 2, () => [two, 'release-000002-000000'])
  const own = new Map(
    tenants.map((name, number) => {
      const mark = `release-000003-${String(number).padStart(6, '0')}`
      return [name, [variant(there, template, mark), mark] as const]
    }),
  )
  await measure('one release for each', 3, (name) => own.get(name) ?? [two, ''])
  const store = await DirectoryStore.open(here.root, { clock })
  const { problems } = await store.check()
  if (problems.length > 0) throw new Error(`not whole: ${JSON.stringify(problems[0])}`)

  async function measure(
    what: string,
    sequence: number,
    of: (tenant: string) => readonly [string, string],
  ): Promise<void> {
    const before = cpuOf(wasm)
    const fromMs = clock.nowMs()
    point(there, sequence, (name) => of(name)[0])
    const writtenMs = clock.nowMs() - fromMs
    await until(() => isLive(here, (name) => of(name)[0]))
    const liveMs = clock.nowMs() - fromMs
    // What is on its way to the workers.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const answersFromMs = clock.nowMs()
    const wrong =
      (await ask(wasm, visited, (name) => of(name)[1])) +
      (await ask(wasm, others, (name) => of(name)[1]))
    const answeredMs = clock.nowMs() - answersFromMs
    say(
      `${what}: live after ${seconds(liveMs)} (${seconds(writtenMs)} of them until the source had it); ${visited.length + others.length} asked in ${seconds(answeredMs)}, ${wrong} of them not answered by the new release`,
    )
    const after = cpuOf(wasm)
    for (const [name, ms] of after) {
      const more = ms - (before.get(name) ?? 0)
      if (more >= 10) say(`  ${name}: processor ${seconds(more)}`)
    }
  }
})

/** Answers the release of a guest that prints MARK. */
async function publishTemplate(root: string): Promise<Release> {
  const store = await DirectoryStore.make(root, { clock })
  const source = join(dirname(root), 'template.wasm')
  writeFileSync(source, helloModule(`Content-Type: text/plain\n\nHello, ${MARK}`))
  const units = { size: parseSize, duration: parseDuration }
  const { stored } = await publish(source, {
    ...{ store, tenant: 'template', handler: 'app', route: '/', units, clock },
  })
  return store.release(stored.release)
}

/** Writes the release with another mark into the store; answers its digest. */
function variant(there: Layout, release: Release, mark: string): string {
  if (release.format !== 1) throw new Error('the template has no module')
  const put = (digest: string): { digest: string; bytes: number } => {
    const bytes = Buffer.from(readFileSync(there.blob(digest)))
    bytes.write(mark, bytes.indexOf(MARK), 'latin1')
    const changed = digestOf(bytes)
    writeNew(there.blob(changed), bytes)
    return { digest: changed, bytes: bytes.length }
  }
  const { bytes, digest } = encodeRelease({
    ...release,
    original: put(release.original.digest),
    hardened: { ...release.hardened, ...put(release.hardened.digest) },
  })
  writeNew(there.release(digest), bytes)
  return digest
}

function writeNew(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}

/** Makes a release live for each tenant, as stores do it: by a rename. */
function point(there: Layout, sequence: number, of: (tenant: string) => string): void {
  for (const name of tenants) {
    const release = of(name)
    const when = { publishedAt: new Date(sequence).toISOString() }
    writeNew(
      there.published(name, release),
      encodeEntry({ release, handler: 'app', number: sequence, ...when }),
    )
    const draft = join(there.tmp, name)
    const pointer = { release, switchedAt: when.publishedAt, past: [] }
    writeFileSync(draft, encodeState({ sequence, handlers: { app: pointer } }))
    renameSync(draft, there.pointer(name))
  }
}

function isLive(here: Layout, of: (tenant: string) => string): boolean {
  const has = (name: string): boolean => {
    try {
      return readFileSync(here.pointer(name), 'latin1').includes(of(name))
    } catch {
      return false
    }
  }
  const some = tenants.filter((_, number) => number % 97 === 0)
  return some.every(has) && tenants.every(has)
}

async function until(isSo: () => boolean): Promise<void> {
  const mostMs = clock.nowMs() + MOST_MS
  while (!isSo()) {
    if (clock.nowMs() > mostMs) throw new Error(`not within ${seconds(MOST_MS)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Answers how many have said something else. */
async function ask(
  wasm: WasmServer,
  names: readonly string[],
  of: (tenant: string) => string,
): Promise<number> {
  const line = await FastCgiLine.open(wasm.socket)
  let wrong = 0
  for (const tenant of names) {
    const reply = await line.send({ tenant, script: '/app', root: '' }).ended
    if (!reply.endsWith(of(tenant))) wrong += 1
  }
  line.close()
  return wrong
}

/** Processor time of each process of the server, by what it calls itself. */
function cpuOf({ pids }: WasmServer): ReadonlyMap<string, number> {
  return new Map(
    pids().map((pid) => [
      `${readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')[0]} (${pid})`,
      ownCpuUs(pid) / 1000,
    ]),
  )
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
