/**
 * The soak: mixed load through six web servers on one wasm-fpm, while its configuration is reloaded every second, workers are
 * killed and replaced one by one, and a neighbour tenant runs hostile guests. Broken promises make the exit code 1.
 *
 *     node test/soak/soak.ts [--seconds N] [--out FILE.json]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { PEER_NAMES } from '../support/peers/peer.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { blame } from './blame.ts'
import { HELLO, type LoopFigures, MIXED, newFigures, runHogs, runLoop } from './loops.ts'
import { type MemoryTrace, watchMemory } from './memory-trace.ts'
import { promisesOf, reportText, type SoakResult, summaryOf } from './report.ts'
import { type SoakServer, startSoakServer } from './server.ts'
import { type Kill, killWorker, readyWorkers, startTimes } from './workers.ts'

const DEFAULT_SECONDS = 180
const RELOAD_EVERY_MS = 1000
const KILL_EVERY_MS = 15_000
const RESTART_EVERY_MS = 25_000
const HOG_EVERY_MS = 400
/** Loops a web server; the first asks for hello only. */
const LOOPS = 2
const HELLO_PAUSE_MS = 10
const MIXED_PAUSE_MS = 20
/** Part of the time after which workers are left alone, so that what they hold can be seen to stay the same. */
const CALM_FROM = 0.6
/** Of that, until what came last has settled. */
const SETTLED_FROM = 0.7

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
    out: { type: 'string', default: 'build/soak/result.json' },
  },
})
process.exitCode = await soak(Number(values.seconds), values.out)

async function soak(seconds: number, out: string): Promise<number> {
  const server = await startSoakServer()
  const peers: Peer[] = []
  try {
    for (const name of PEER_NAMES.filter(isInstalled)) {
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
    const result = await run(server, peers, seconds)
    process.stdout.write(`${reportText(result)}\n`)
    mkdirSync(dirname(out), { recursive: true })
    writeFileSync(out, `${JSON.stringify(summaryOf(result), undefined, 2)}\n`)
    return promisesOf(result).every(({ isKept }) => isKept) ? 0 : 1
  } finally {
    for (const peer of peers) await peer.stop()
    await server.stop()
  }
}

async function run(
  server: SoakServer,
  peers: readonly Peer[],
  seconds: number,
): Promise<SoakResult> {
  const firstStartMs = Math.max(0, ...startTimes(server))
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const calmMs = startMs + seconds * 1000 * CALM_FROM
  const isOver = (): boolean => performance.now() >= endMs
  const figures = new Map<string, LoopFigures>(peers.map(({ name }) => [name, newFigures()]))
  const loops = peers.flatMap((peer) => {
    const own = figures.get(peer.name) ?? newFigures()
    return Array.from({ length: LOOPS }, (_, index) =>
      runLoop({
        peer,
        kinds: index === 0 ? [HELLO] : MIXED,
        pauseMs: index === 0 ? HELLO_PAUSE_MS : MIXED_PAUSE_MS,
        figures: own,
        isOver,
      }),
    )
  })
  const hogs = runHogs(peers, HOG_EVERY_MS, isOver)
  const reloads = reloadAgainAndAgain(server, { calmMs, isOver })
  const changes = replaceWorkers(server, calmMs)
  const memory = watchSettled(server, { fromMs: startMs + seconds * 1000 * SETTLED_FROM, isOver })
  await Promise.all(loops)
  const ends = await hogs
  const { kills, restarts } = await changes
  const all = [...figures.values()].flatMap(({ failures }) => failures)
  const { excused, lost } = blame(all, kills, LOOPS)
  return {
    seconds,
    firstStartMs,
    peers: [...figures].map(([name, own]) => ({
      name,
      ...own,
      lost: lost.filter(({ peer }) => peer === name).length,
      logTail:
        peers
          .find((peer) => peer.name === name)
          ?.logs()
          .slice(-2000) ?? '',
    })),
    reloads: await reloads,
    restarts,
    kills: kills.map((kill) => ({ ...kill, failures: excused.get(kill) ?? [] })),
    lost,
    hogs: [...ends],
    memory: await memory,
  }
}

/**
 * Returns how many were carried out. Rejects when one is refused. Until `calmMs`, a tenant comes and goes whose folder makes
 * new workers necessary.
 */
async function reloadAgainAndAgain(
  server: SoakServer,
  { calmMs, isOver }: { readonly calmMs: number; readonly isOver: () => boolean },
): Promise<number> {
  let count = 0
  for (; !isOver(); count += 1) {
    const hasGuest = count % 20 < 10 && performance.now() < calmMs
    const moreRoots = hasGuest ? [server.makeRoot(`more-${Math.floor(count / 20)}`)] : []
    server.writeConfig({ edition: count, moreRoots, broken: '' })
    await server.reload()
    await delay(RELOAD_EVERY_MS)
  }
  return count
}

/** Kills and restarts in turn until `untilMs`. */
async function replaceWorkers(
  server: SoakServer,
  untilMs: number,
): Promise<{ readonly kills: readonly Kill[]; readonly restarts: number }> {
  const kills: Kill[] = []
  let restarts = 0
  let nextKillMs = performance.now() + KILL_EVERY_MS / 3
  let nextRestartMs = performance.now() + RESTART_EVERY_MS / 2
  while (performance.now() < untilMs) {
    // The youngest: one that ends anyway has no successor any more.
    const victim = readyWorkers(server).at(-1)
    if (performance.now() >= nextKillMs && victim !== undefined) {
      const kill = await killWorker(server, victim)
      if (kill !== undefined) kills.push(kill)
      nextKillMs += KILL_EVERY_MS
    } else if (performance.now() >= nextRestartMs) {
      await server.restart()
      restarts += 1
      nextRestartMs += RESTART_EVERY_MS
    }
    await delay(100)
  }
  return { kills, restarts }
}

async function watchSettled(
  server: SoakServer,
  { fromMs, isOver }: { readonly fromMs: number; readonly isOver: () => boolean },
): Promise<readonly MemoryTrace[]> {
  await delay(Math.max(0, fromMs - performance.now()))
  return await watchMemory(server, isOver)
}
