/** One of two workers is kept busy by a guest that never ends: how long hello waits, over kept connections and over new ones. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FastCgiLine, type LineRequest } from './fastcgi-line.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { helloModule, spinModule } from './guest-module.ts'
import { percentile } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const REQUESTS = 4000
const QUICK_REQUESTS = 1000
/** Kept connections; requests take them in turn. */
const LINES = 8
/** Until idle connections have left the busy worker. */
const SETTLE_MS = 500
/** Longer than this, and a request has waited for somebody's slice. */
const SLICE_MS = 1
/** Counting down from 0 takes four thousand million turns: some seconds. */
const ENDLESS_TURNS = 0

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
  writeFileSync(join(root, 'hog.wasm'), spinModule(ENDLESS_TURNS))
  const keys = ['access_log = "off"']
  const wasm = await startWasmServer({
    folder,
    workers: 2,
    tenants: [
      { name: 'hello', root, keys },
      { name: 'hog', root, keys, limits: ['cpu = "1h"', 'wall = "1h"'] },
    ],
  })
  servers.push(wasm.server)
  const hello: LineRequest = { tenant: 'hello', root, script: join(root, 'hello.wasm') }
  const count = isQuick ? QUICK_REQUESTS : REQUESTS
  const lines: FastCgiLine[] = []
  for (let index = 0; index < LINES; index += 1) lines.push(await FastCgiLine.open(wasm.socket))
  const kept = (): Promise<number[]> =>
    oneAfterTheOther(count, (turn) => lines[turn % LINES]?.send(hello).ended)
  const fresh = (): Promise<number[]> =>
    oneAfterTheOther(count, async () => {
      const line = await FastCgiLine.open(wasm.socket)
      await line.send(hello).ended
      line.close()
    })
  await kept()
  await fresh()
  const alone = { kept: await kept(), fresh: await fresh() }
  const hog = await FastCgiLine.open(wasm.socket)
  let isOver = false
  const spin = async (): Promise<void> => {
    while (!isOver) {
      const { begun, ended } = hog.send({ tenant: 'hog', root, script: join(root, 'hog.wasm') })
      await Promise.all([begun, ended])
    }
  }
  spin().catch(() => undefined) // it is cut short
  await delay(SETTLE_MS)
  const beside = { kept: await kept(), fresh: await fresh() }
  isOver = true
  hog.close()
  for (const line of lines) line.close()
  return [
    figure('kept connections', alone.kept, beside.kept),
    figure('a new connection each', alone.fresh, beside.fresh),
  ]
}

function figure(what: string, alone: readonly number[], beside: readonly number[]): Figure {
  const late = beside.filter((ms) => ms > SLICE_MS).length
  return {
    name: `1 of 2 workers busy, ${what}: hello, p99`,
    value: percentile(beside, 0.99),
    unit: 'ms',
    note: `without the hog ${percentile(alone, 0.99).toFixed(2)} ms; p50 ${percentile(beside, 0.5).toFixed(2)} and ${percentile(alone, 0.5).toFixed(2)} ms; ${((late / beside.length) * 100).toFixed(1)} % took more than ${SLICE_MS} ms, without the hog ${((alone.filter((ms) => ms > SLICE_MS).length / alone.length) * 100).toFixed(1)} %`,
  }
}

/** Latencies, ascending. */
async function oneAfterTheOther(
  count: number,
  ask: (turn: number) => Promise<unknown> | undefined,
): Promise<number[]> {
  const latencies: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    const startMs = performance.now()
    await ask(turn)
    latencies.push(performance.now() - startMs)
    await delay(0)
  }
  return latencies.sort((a, b) => a - b)
}
