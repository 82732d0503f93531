/**
 * Kills: workers die at random moments, some hundred times, while connections come, go and move from worker to worker. What is lost
 * is what the dead ones held; no request is that was on its way to one.
 *
 *     node test/soak/kills.ts [--kills N]
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { FastCgiLine } from '../../bench/speed/fastcgi-line.ts'
import { isInstalled, type Peer, startPeer } from '../support/peers/start-peer.ts'
import { blame } from './blame.ts'
import { HELLO, type LoopFigures, newFigures, runLoop } from './loops.ts'
import { type SoakServer, startSoakServer } from './server.ts'
import { type Kill, killWorker, readyWorkers } from './workers.ts'

const LOOPS = 4
/** Between two kills, at most: some meet a worker that has only begun. */
const PAUSE_MS = 400
/** In between, workers are replaced in good order, which moves all connections. */
const RESTART_EVERY = 20

const { values } = parseArgs({ options: { kills: { type: 'string', default: '300' } } })
process.exitCode = await kills(Number(values.kills))

async function kills(count: number): Promise<number> {
  const server = await startSoakServer()
  const peers: Peer[] = []
  let isOver = false
  try {
    const figures = new Map<string, LoopFigures>()
    const loops: Promise<void>[] = []
    if (isInstalled('nginx')) {
      const peer = await startPeer('nginx', {
        backend: { unix: server.socket },
        keepAlive: true,
        streaming: true,
        documentRoot: server.root,
      })
      peers.push(peer)
      const own = figuresOf(figures, 'nginx')
      for (let loop = 0; loop < LOOPS; loop += 1)
        loops.push(
          runLoop({ peer, kinds: [HELLO], pauseMs: 1, figures: own, isOver: () => isOver }),
        )
    }
    for (const isKept of [true, false]) {
      const own = figuresOf(figures, isKept ? 'FastCGI, kept' : 'FastCGI, new')
      for (let loop = 0; loop < LOOPS; loop += 1)
        loops.push(runRawLoop(server, { isKept, figures: own, isOver: () => isOver }))
    }
    const done = await killAll(server, count).finally(() => {
      isOver = true
    })
    await Promise.all(loops)
    return report(figures, done)
  } finally {
    isOver = true
    for (const peer of peers) await peer.stop()
    await server.stop()
  }
}

async function killAll(server: SoakServer, count: number): Promise<readonly Kill[]> {
  const done: Kill[] = []
  while (done.length < count) {
    await delay(Math.random() * PAUSE_MS)
    const workers = readyWorkers(server)
    const victim = workers[Math.floor(Math.random() * workers.length)]
    const kill = victim === undefined ? undefined : await killWorker(server, victim)
    if (kill === undefined) continue
    done.push(kill)
    if (done.length % RESTART_EVERY === 0) await server.restart()
  }
  return done
}

interface RawLoopOptions {
  /** Whether all requests go over one connection. */
  readonly isKept: boolean
  readonly figures: LoopFigures
  readonly isOver: () => boolean
}

async function runRawLoop(
  server: SoakServer,
  { isKept, figures, isOver }: RawLoopOptions,
): Promise<void> {
  const request = {
    tenant: 'site',
    script: join(server.root, 'as/hello.wasm'),
    root: server.root,
  }
  let line: FastCgiLine | undefined
  while (!isOver()) {
    const sentMs = performance.now()
    figures.sent += 1
    try {
      line ??= await FastCgiLine.open(server.socket)
      const { begun, ended } = line.send(request)
      begun.catch(() => undefined) // `ended` tells
      await ended
      figures.answered += 1
    } catch (error) {
      const endedMs = performance.now()
      figures.failures.push({
        peer: 'raw',
        kind: isKept ? 'kept' : 'new',
        sentMs,
        endedMs,
        what: String(error),
      })
      line?.close()
      line = undefined
    }
    if (!isKept) {
      line?.close()
      line = undefined
    }
    await delay(1)
  }
  line?.close()
}

function figuresOf(all: Map<string, LoopFigures>, name: string): LoopFigures {
  const own = newFigures()
  all.set(name, own)
  return own
}

/** Returns the exit code. */
function report(figures: ReadonlyMap<string, LoopFigures>, done: readonly Kill[]): number {
  const failures = [...figures.values()].flatMap((own) => own.failures)
  const { lost } = blame(failures, done, 1)
  const held = done.reduce((sum, { connections }) => sum + connections, 0)
  const backMs = done.map((kill) => kill.backMs).toSorted((a, b) => a - b)
  const [median = 0, slowest = 0] = [backMs[backMs.length >> 1], backMs.at(-1)]
  const unanswered = [...figures].filter(([, { answered }]) => answered === 0)
  const lines = [
    `${done.length} workers killed, which held ${held} connections; back after ${median.toFixed(0)} ms, the slowest after ${slowest.toFixed(0)} ms`,
    ...[...figures].map(
      ([name, own]) =>
        `${name}: ${own.sent} sent, ${own.answered} answered, ${own.failures.length} in killed workers`,
    ),
    ...lost.map(
      ({ peer, kind, what, sentMs, endedMs }) =>
        `LOST  ${kind} through ${peer}: ${what}, sent at ${sentMs.toFixed(0)}, ended at ${endedMs.toFixed(0)}`,
    ),
    ...unanswered.map(([name]) => `BROKEN  nothing was answered: ${name}`),
  ]
  const isKept = lost.length === 0 && unanswered.length === 0
  if (isKept) lines.push('kept  nothing was lost but what killed workers held')
  process.stdout.write(`${lines.join('\n')}\n`)
  return isKept ? 0 : 1
}
