/**
 * One of two workers is kept busy by a guest that never ends: how many requests it still answers (its access log says who did),
 * and how long they wait. Beside that the same while a process that has nothing to do with it is busy, for on a machine of two cores
 * that takes one of them away as well.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { scriptOfTenant } from '../http/backend.ts'
import { ownCpuUs } from '../http/cpu-time.ts'
import { locationOf, startNginx } from '../http/nginx.ts'
import type { Server } from '../http/process.ts'
import { runWrk, type WrkFigures } from '../http/wrk.ts'
import { FastCgiLine, type LineRequest, type PendingReply } from './fastcgi-line.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { endlessModule, helloModule, spinModule } from './guest-module.ts'
import { percentile } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const REQUESTS = 4000
const QUICK_REQUESTS = 1000
/** Kept connections; requests take them in turn. */
const LINES = 8
/** Until idle connections have left the busy worker. */
const SETTLE_MS = 500
/** Of nginx, and for how long they ask. */
const CLIENTS = 2
const SECONDS = 3
/** Some 50 ms. */
const SPURT_TURNS = 65_000_000
/** Of a hundred requests. */
const MOST_PERCENT = 0.1
/** A process that is busy, for a minute at most. */
const SPIN = 'const endMs = Date.now() + 60_000; while (Date.now() < endMs);'

export const busyWorker: Measurement = {
  name: 'busy-worker',
  measure: (options) => onStage('busy-worker', (stage) => measure(options, stage)),
}

async function measure(
  { isQuick }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  const root = join(folder, 'root')
  mkdirSync(root)
  writeFileSync(join(root, 'hello.wasm'), helloModule())
  writeFileSync(join(root, 'hog.wasm'), endlessModule())
  writeFileSync(join(root, 'spurt.wasm'), spinModule(SPURT_TURNS))
  const answered = join(folder, 'answered')
  const keys = [`access_log = "${answered}"`, 'access_format = "%p"']
  const wasm = await startWasmServer({
    folder,
    workers: 2,
    tenants: [
      { name: 'hello', root, keys },
      { name: 'hog', root, keys, limits: ['cpu = "1h"', 'wall = "1h"'] },
    ],
  })
  servers.push(wasm.server)
  const request = (tenant: string, script = tenant): LineRequest => ({
    tenant,
    root,
    script: join(root, `${script}.wasm`),
  })
  const count = isQuick ? QUICK_REQUESTS : REQUESTS
  const lines: FastCgiLine[] = []
  for (let index = 0; index < LINES; index += 1) lines.push(await FastCgiLine.open(wasm.socket))
  const kept: Ask = (turn) => lines[turn % LINES]?.send(request('hello')).ended
  const fresh: Ask = async () => {
    const line = await FastCgiLine.open(wasm.socket)
    await line.send(request('hello')).ended
    line.close()
  }
  const nginx = await frontOf(folder, wasm.socket, request('hello'))
  servers.push(nginx.server)
  const measureAll = async (): Promise<Latencies> => ({
    kept: percentilesOf(await latenciesOf(count, kept)),
    fresh: percentilesOf(await latenciesOf(count, fresh)),
    nginx: percentilesOfWrk(await nginx.load(isQuick ? 1 : SECONDS)),
  })
  await measureAll() // warm
  const alone = await measureAll()
  const stranger = spawn(process.execPath, ['-e', SPIN])
  const besideStranger = await measureAll()
  stranger.kill()
  const hog = await FastCgiLine.open(wasm.socket)
  const spurts = await besideSpurts(count, kept, () => wholeOf(hog.send(request('hog', 'spurt'))))
  wholeOf(hog.send(request('hog'))).catch(() => undefined) // it is cut short
  await delay(SETTLE_MS)
  const pids = wasm.pids()
  const before = { cpuUs: pids.map(ownCpuUs), answers: answerersIn(answered).length }
  const besideHog = await measureAll()
  await delay(SETTLE_MS) // the access log is written in the background
  const usedUs = pids.map((pid, index) => ownCpuUs(pid) - (before.cpuUs[index] ?? 0))
  const busiest = pids[usedUs.indexOf(Math.max(...usedUs))]
  hog.close()
  for (const line of lines) line.close()
  const [others, neither] = [besideStranger, alone]
  return [
    answeredBy(busiest, answerersIn(answered).slice(before.answers)),
    figure('kept connections', [besideHog.kept, others.kept, neither.kept]),
    figure('a new connection each', [besideHog.fresh, others.fresh, neither.fresh]),
    figure('nginx that keeps connections', [besideHog.nginx, others.nginx, neither.nginx]),
    figure('kept connections, its first 50 ms', [percentilesOf(spurts), others.kept, neither.kept]),
  ]
}

/** Processes that have answered a request, one for each. */
function answerersIn(accessLog: string): number[] {
  return readFileSync(accessLog, 'utf8').trim().split('\n').map(Number)
}

function answeredBy(busiest: number | undefined, answerers: readonly number[]): Figure {
  const count = answerers.filter((pid) => pid === busiest).length
  return {
    name: '1 of 2 workers busy: requests that it answers all the same',
    value: (count / answerers.length) * 100,
    unit: '%',
    goal: { atMost: MOST_PERCENT },
    note: `${count} of ${answerers.length}, over kept and new connections and through nginx`,
  }
}

/** In milliseconds. */
interface Percentiles {
  readonly p50: number
  readonly p99: number
}

type Latencies = Readonly<Record<'kept' | 'fresh' | 'nginx', Percentiles>>

function percentilesOf(latencies: readonly number[]): Percentiles {
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) }
}

function percentilesOfWrk({ p50Us, p99Us }: WrkFigures): Percentiles {
  return { p50: p50Us / 1000, p99: p99Us / 1000 }
}

/** `latencies`: beside the hog, beside a stranger, alone. */
function figure(
  what: string,
  latencies: readonly [hog: Percentiles, stranger: Percentiles, alone: Percentiles],
): Figure {
  const all = (name: keyof Percentiles): string =>
    latencies.map((each) => each[name].toFixed(2)).join(', ')
  return {
    name: `1 of 2 workers busy, ${what}: hello, p99`,
    value: latencies[0].p99,
    unit: 'ms',
    note: `worker busy, stranger busy, neither: p50 ${all('p50')} ms, p99 ${all('p99')} ms`,
  }
}

interface Front {
  readonly server: Server
  readonly load: (seconds: number) => Promise<WrkFigures>
}

/** nginx in front, and requests through it. */
async function frontOf(
  folder: string,
  socket: string,
  { tenant, script }: LineRequest,
): Promise<Front> {
  const { server, origin } = await startNginx({
    folder,
    workers: 1,
    keepalive: LINES,
    backends: new Map([['hello', scriptOfTenant(tenant, socket, script)]]),
  })
  const url = origin + locationOf('hello', 'keep', 'hello')
  return {
    server,
    load: (seconds) => runWrk({ url, connections: CLIENTS, seconds, bodyBytes: 0 }),
  }
}

/** One request after the other while short hogs run, with time between them for the worker to be idle again. */
async function besideSpurts(
  count: number,
  ask: Ask,
  spurt: () => Promise<unknown>,
): Promise<number[]> {
  const latencies: number[] = []
  while (latencies.length < count) {
    let isOver = false
    const over = spurt().then(() => {
      isOver = true
    })
    latencies.push(...(await latenciesOf(count, (turn) => (isOver ? undefined : ask(turn)))))
    await over
    await delay(SETTLE_MS)
  }
  return latencies.sort((a, b) => a - b)
}

/** Both are rejected when the connection is closed. */
function wholeOf({ begun, ended }: PendingReply): Promise<unknown> {
  return Promise.all([begun, ended])
}

/** Asks for the request of a turn; undefined: that was the last one. */
type Ask = (turn: number) => Promise<unknown> | undefined

/** Ascending. */
async function latenciesOf(count: number, ask: Ask): Promise<number[]> {
  const latencies: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    const startMs = performance.now()
    const answered = ask(turn)
    if (answered === undefined) break
    await answered
    latencies.push(performance.now() - startMs)
    await delay(0)
  }
  return latencies.sort((a, b) => a - b)
}
