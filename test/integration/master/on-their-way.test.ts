/** Connections on their way from one worker to another are not lost, whatever becomes of either of them. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { Client, configText, makeFolder, serve, startLoad } from './serve.ts'

/** More than one: Node sends the second when the first has come. */
const CONNECTIONS = 12
const ROUNDS = 3
/** For a worker without a master, which has nothing to do any more. */
const ORPHANED_MS = 5000

const FATES: ReadonlyArray<{ readonly name: string; readonly signals: readonly NodeJS.Signals[] }> =
  [
    { name: 'goes on', signals: ['SIGCONT'] },
    { name: 'is killed', signals: ['SIGKILL'] },
    { name: 'is told to end', signals: ['SIGTERM', 'SIGCONT'] },
  ]

for (const { name, signals } of FATES) {
  test(`a request on a connection that goes to a worker which ${name} is answered`, async () => {
    const { clients, holder, heir, serving } = await setUp()
    process.kill(heir, 'SIGSTOP')
    process.kill(holder, 'SIGTERM')
    await expect.poll(() => isAlive(holder), { interval: 5 }).toBe(false)
    const answers = Promise.all(clients.map((client) => client.get('hello.wasm')))
    for (const signal of signals) process.kill(heir, signal)
    expect((await answers).map(({ status }) => status)).toEqual(clients.map(() => 200))
    // And the master keeps nothing open for itself.
    for (const client of clients) client.close()
    const masterPid = serving.child.pid ?? -1
    await expect.poll(() => connectionsOf(masterPid, serving.folder)).toBe(0)
  })
}

test('a request on a connection that comes to the master when all are about to end is answered', async () => {
  const { clients, holder, serving } = await setUp()
  process.kill(holder, 'SIGTERM')
  serving.child.kill('SIGTERM')
  const answers = Promise.all(clients.map((client) => client.get('hello.wasm')))
  expect((await answers).map(({ status }) => status)).toEqual(clients.map(() => 200))
  expect(await serving.exit).toBe(0)
})

test('connections stay the same through restarts and reloads under load', async () => {
  const { serving } = await setUp()
  const load = startLoad(serving.socket, CONNECTIONS, 1)
  for (let round = 0; round < ROUNDS; round += 1) {
    const workers = 2 + (round % 2)
    const pool = `gather_connections = true\nworkers = ${workers}`
    serving.writeConfig(configText(serving.folder, { pool }))
    for (const command of ['restart', 'reload'])
      expect(await serving.command(command)).toMatchObject({ code: 0 })
  }
  await load.stop()
  expect(load.failures).toEqual([])
  expect([load.answered > CONNECTIONS, load.connections]).toEqual([true, CONNECTIONS])
})

test('a worker whose master is gone before it has received them ends', async () => {
  const { holder, heir, serving } = await setUp()
  serving.child.kill('SIGSTOP')
  process.kill(holder, 'SIGTERM')
  await expect.poll(() => connectionsOf(holder, serving.folder)).toBe(0)
  serving.child.kill('SIGKILL')
  for (const pid of [holder, heir])
    await expect.poll(() => isAlive(pid), { timeout: ORPHANED_MS }).toBe(false)
})

/** Two workers, one of which has all connections. */
async function setUp() {
  const folder = makeFolder()
  const pool = 'gather_connections = true'
  const serving = await serve({ folder, config: configText(folder, { pool }) })
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(serving.socket))
  onTestFinished(() => {
    for (const client of clients) client.close()
  })
  for (const client of clients) await client.get('hello.wasm')
  const [a = -1, b = -1] = serving.workers()
  await expect
    .poll(() => [a, b].map((pid) => connectionsOf(pid, serving.folder)).toSorted((x, y) => x - y))
    .toEqual([0, CONNECTIONS])
  const [heir, holder] = connectionsOf(a, serving.folder) === 0 ? [a, b] : [b, a]
  return { serving, clients, holder, heir }
}

/** Accepted connections of a unix socket in `folder` that a process has open. */
function connectionsOf(pid: number, folder: string): number {
  const accepted = new Set<string>()
  // Num RefCount Protocol Flags Type St Inode Path; state 3: connected.
  for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    const [, , , , , state, inode, path] = line.trim().split(/\s+/)
    if (state === '03' && path?.startsWith(folder) && inode !== undefined) accepted.add(inode)
  }
  return readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    accepted.has(/^socket:\[(\d+)\]$/.exec(target(`/proc/${pid}/fd/${fd}`))?.[1] ?? ''),
  ).length
}

function target(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return '' // closed meanwhile
  }
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
