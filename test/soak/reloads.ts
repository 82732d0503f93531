/**
 * Reloads under load: nginx with kept connections, Apache with `enablereuse=on` and HAProxy with `mpxs-conns` ask all the
 * time, and no request may fail. Some reloads bring a tenant, take one away or need new worker processes; some configurations
 * are wrong and must change nothing.
 *
 *     node test/soak/reloads.ts [--reloads N]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { formatTable } from '../../bench/http/table.ts'
import { percentile } from '../../bench/speed/open-loop.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { HELLO, type LoopFigures, MIXED, newFigures, runLoop } from './loops.ts'
import { type Edition, type SoakServer, startSoakServer } from './server.ts'
import { readyWorkers } from './workers.ts'

const PEERS = ['nginx', 'apache', 'haproxy'] as const
/** One in so many reloads changes tenants, and one in so many is wrong. */
const CHANGE_EVERY = 50
/** One in so many tenants that come has a folder that the workers may not read: new ones take over. */
const MOVE_EVERY = 100
const LOOPS = 3
/** Between two reloads: so that requests meet every part of one. */
const PAUSE_MS = 5

const { values } = parseArgs({ options: { reloads: { type: 'string', default: '500' } } })
process.exitCode = await reloads(Number(values.reloads))

async function reloads(count: number): Promise<number> {
  const server = await startSoakServer()
  const peers: Peer[] = []
  let isOver = false
  try {
    for (const name of PEERS.filter(isInstalled)) {
      const backend = { unix: server.socket }
      peers.push(
        await startPeer(name, {
          backend,
          keepAlive: true,
          streaming: true,
          documentRoot: server.root,
        }),
      )
    }
    const figures = new Map(peers.map(({ name }) => [name, newFigures()]))
    const loops = peers.flatMap((peer) =>
      Array.from({ length: LOOPS }, (_, index) =>
        runLoop({
          peer,
          kinds: index === 0 ? MIXED : [HELLO],
          pauseMs: 0,
          figures: figures.get(peer.name) ?? newFigures(),
          isOver: () => isOver,
        }),
      ),
    )
    const startMs = performance.now()
    const complaints = await reloadAll(server, count).finally(() => {
      isOver = true
    })
    const seconds = (performance.now() - startMs) / 1000
    await Promise.all(loops)
    process.stdout.write(`${count} reloads in ${seconds.toFixed(1)} s\n${table(figures)}\n`)
    const failures = [...figures.values()].flatMap((own) => own.failures)
    for (const { peer, kind, what } of failures.slice(0, 20))
      complaints.push(`${kind} through ${peer}: ${what}`)
    const unanswered = [...figures].filter(([, { answered }]) => answered === 0)
    for (const [name] of unanswered) complaints.push(`nothing was answered through ${name}`)
    for (const complaint of complaints) process.stdout.write(`BROKEN  ${complaint}\n`)
    if (complaints.length === 0)
      process.stdout.write('kept  every request was answered; wrong files changed nothing\n')
    return complaints.length === 0 ? 0 : 1
  } finally {
    isOver = true
    for (const peer of peers) await peer.stop()
    await server.stop()
  }
}

/** Returns what was wrong. */
async function reloadAll(server: SoakServer, count: number): Promise<string[]> {
  const complaints: string[] = []
  let edition: Edition = { edition: 0, moreRoots: [], broken: '' }
  for (let turn = 1; turn <= count; turn += 1) {
    edition = { ...edition, edition: turn }
    if (turn % CHANGE_EVERY === 0)
      edition = { ...edition, moreRoots: nextRoots(server, edition, turn) }
    server.writeConfig(edition)
    await server.reload()
    if (turn % CHANGE_EVERY === CHANGE_EVERY / 2)
      complaints.push(...(await reloadBadly(server, edition)))
    await delay(PAUSE_MS)
  }
  return complaints
}

/** A tenant more, or one less. Folders elsewhere than the others' make the workers new. */
function nextRoots(server: SoakServer, { moreRoots }: Edition, turn: number): readonly string[] {
  if (moreRoots.length > 0) return []
  return [turn % MOVE_EVERY === 0 ? server.root : server.makeRoot(`elsewhere-${turn}`)]
}

/** A configuration that is wrong is refused, and brings no new workers. */
async function reloadBadly(server: SoakServer, edition: Edition): Promise<readonly string[]> {
  const before = readyWorkers(server)
  server.writeConfig({ ...edition, broken: 'no_such_key = 1' })
  const complaint = await server.reload().then(
    () => 'a wrong configuration was taken',
    () => undefined,
  )
  server.writeConfig(edition)
  const after = readyWorkers(server)
  return [
    complaint,
    after.every((pid) => before.includes(pid))
      ? undefined
      : 'a wrong configuration changed the workers',
  ].filter((one) => one !== undefined)
}

function table(figures: ReadonlyMap<string, LoopFigures>): string {
  const rows = [...figures].map(([name, { sent, answered, failures, latenciesMs }]) => {
    const sorted = latenciesMs.toSorted((a, b) => a - b)
    const times = [0.5, 0.99, 1].map((share) => percentile(sorted, share).toFixed(1))
    return [name, String(sent), String(answered), String(failures.length), ...times]
  })
  return formatTable([
    ['web server', 'sent', 'answered', 'failed', 'p50 ms', 'p99 ms', 'worst ms'],
    ...rows,
  ])
}
