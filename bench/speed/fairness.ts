/**
 * 50 tenants that want ten times what there is, half of them with twice the clients of others: whether each gets the same share
 * of the processor; and what tenants notice that want less than their share.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FastCgiLine, type LineRequest } from './fastcgi-line.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { spinModule } from './guest-module.ts'
import { percentile } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const GREEDY = 50
/** A worker. With fewer, some worker would now and then have no request of a tenant, who cannot have its share of it then. */
const FEW_CLIENTS = 4
const MANY_CLIENTS = 8
const MODEST = 10
/** Two milliseconds of processor time so often are half a share of one worker. */
const MODEST_EVERY_MS = 240
const CPU_MS = 2
const WARM_UP_MS = 3000
const MEASURE_MS = 25_000
const QUICK_MS = 8000
const GOAL_OFF_PERCENT = 10
const GOAL_TIMES_IDLE = 3
const TRIAL_TURNS = 1_000_000
const TRIALS = 50

export const fairness: Measurement = {
  name: 'fairness',
  measure: async (options) => {
    const figures: Figure[] = []
    for (const workers of new Set([1, availableParallelism()])) {
      figures.push(...(await onStage('fairness', (stage) => withWorkers(workers, options, stage))))
    }
    return figures
  },
}

async function withWorkers(
  workers: number,
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  const root = join(folder, 'root')
  mkdirSync(root)
  const greedy = Array.from({ length: GREEDY }, (_, index) => `greedy${index}`)
  const modest = Array.from({ length: MODEST }, (_, index) => `modest${index}`)
  const keys = ['access_log = "off"', 'max_children = 64', 'process_idle_timeout = "1h"']
  const wasm = await startWasmServer({
    folder,
    workers,
    tenants: [...greedy, ...modest].map((name) => ({ name, root, keys })),
  })
  servers.push(wasm.server)
  const script = await calibrated(wasm.socket, root, print)
  const request = (tenant: string): LineRequest => ({ tenant, root, script })
  const measureMs = isQuick ? QUICK_MS : MEASURE_MS
  const visits = (ms: number): Promise<number[]> => visit(wasm.socket, modest.map(request), ms)

  await visits(WARM_UP_MS)
  const idle = await visits(measureMs / 2)
  const crowd = await startCrowd(
    wasm.socket,
    greedy.map((tenant, index) => ({
      request: request(tenant),
      clients: workers * (index % 2 === 0 ? FEW_CLIENTS : MANY_CLIENTS),
    })),
  )
  await delay(WARM_UP_MS)
  const before = [...crowd.answered]
  const busy = await visits(measureMs)
  const answered = crowd.answered.map((count, index) => count - (before[index] ?? 0))
  await crowd.stop()

  const mean = answered.reduce((sum, count) => sum + count, 0) / GREEDY
  const off = Math.max(...answered.map((count) => Math.abs(count - mean) / mean)) * 100
  const idleMs = percentile(idle, 0.99)
  const busyMs = percentile(busy, 0.99)
  const what = `${GREEDY} greedy tenants, ${workers} worker${workers === 1 ? '' : 's'}`
  return [
    {
      name: `${what}: farthest from the mean share`,
      value: off,
      unit: '%',
      // A tenant's requests run side by side and end together: in a short time some have just ended, and others are about to.
      ...(isQuick ? {} : { goal: { atMost: GOAL_OFF_PERCENT } }),
      note: `${Math.min(...answered)} to ${Math.max(...answered)} answers each, mean ${mean.toFixed(1)}`,
    },
    {
      name: `${what}: p99 of modest tenants, times idle`,
      value: busyMs / idleMs,
      unit: 'x',
      goal: { atMost: GOAL_TIMES_IDLE },
      note: `${busyMs.toFixed(2)} ms, idle ${idleMs.toFixed(2)} ms; p50 ${percentile(busy, 0.5).toFixed(2)} and ${percentile(idle, 0.5).toFixed(2)} ms; ${busy.length} and ${idle.length} requests`,
    },
  ]
}

/** The script of a guest that takes `CPU_MS` on this machine. */
async function calibrated(
  socket: string,
  root: string,
  print: (line: string) => void,
): Promise<string> {
  const trial = join(root, 'trial.wasm')
  writeFileSync(trial, spinModule(TRIAL_TURNS))
  const line = await FastCgiLine.open(socket)
  const latencies: number[] = []
  for (let count = 0; count < TRIALS; count += 1) {
    const sentMs = performance.now()
    await line.send({ tenant: 'greedy0', root, script: trial }).ended
    latencies.push(performance.now() - sentMs)
  }
  line.close()
  const ms = percentile(
    latencies.slice(TRIALS / 2).sort((a, b) => a - b),
    0.5,
  )
  const turns = Math.round((TRIAL_TURNS * CPU_MS) / ms)
  print(`${TRIAL_TURNS} turns take ${ms.toFixed(2)} ms: the guest makes ${turns}`)
  const script = join(root, 'spin.wasm')
  writeFileSync(script, spinModule(turns))
  return script
}

/** Each asks once in a while, for `ms`; latencies, ascending. */
async function visit(
  socket: string,
  requests: readonly LineRequest[],
  ms: number,
): Promise<number[]> {
  const latencies: number[] = []
  const endMs = performance.now() + ms
  await Promise.all(
    requests.map(async (request) => {
      const line = await FastCgiLine.open(socket)
      await delay(Math.random() * MODEST_EVERY_MS)
      while (performance.now() < endMs) {
        const sentMs = performance.now()
        await line.send(request).ended
        latencies.push(performance.now() - sentMs)
        await delay(MODEST_EVERY_MS * (0.5 + Math.random()))
      }
      line.close()
    }),
  )
  return latencies.sort((a, b) => a - b)
}

interface Crowd {
  /** By place in the list of who asks. */
  readonly answered: number[]
  stop(): Promise<void>
}

interface Asker {
  readonly request: LineRequest
  readonly clients: number
}

/**
 * Clients that ask again as soon as they are answered. Like a web server's, their connections belong to nobody: each request
 * takes any that is free.
 */
async function startCrowd(socket: string, askers: readonly Asker[]): Promise<Crowd> {
  const answered = askers.map(() => 0)
  const clients = askers.flatMap((asker, index) =>
    Array.from({ length: asker.clients }, () => ({ ...asker, index })),
  )
  const free: FastCgiLine[] = []
  for (const _ of clients) free.push(await FastCgiLine.open(socket))
  let isOver = false
  const loops = clients.map(async ({ request, index }) => {
    while (!isOver) {
      const [line] = free.splice(Math.floor(Math.random() * free.length), 1)
      if (line === undefined) throw new Error('more clients than connections')
      await line.send(request).ended
      free.push(line)
      answered[index] = (answered[index] ?? 0) + 1
      await delay(0) // others may put their connections back meanwhile
    }
  })
  return {
    answered,
    stop: async () => {
      isOver = true
      await Promise.all(loops)
      for (const line of free) line.close()
    },
  }
}
