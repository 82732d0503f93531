/** The three lifetimes of one program, behind one nginx and in one wasm-fpm: rates at 16 and 64 connections, latency below half load. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type RunningBackend, scriptOfTenant } from '../http/backend.ts'
import { ratioTo } from '../http/goals.ts'
import { measure as measureRows, type Row } from '../http/measure.ts'
import { locationOf, startNginx } from '../http/nginx.ts'
import { median, medianRatio } from '../http/statistics.ts'
import { formatRows } from '../http/table.ts'
import { WORKLOADS } from '../http/workload.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { helloModule } from './guest-module.ts'
import { type OpenLoopFigures, openLoop } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const COMPARED = ['reset', 'fresh'] as const
const LIFETIMES = ['reset', 'persistent', 'fresh'] as const
type Lifetime = (typeof COMPARED)[number]
const RATES = ['hello keep 16', 'hello keep 64']
const CONNECTIONS = 64
/** Of what `fresh` answers at 16 connections. */
const LOAD_SHARE = 0.35
/** "The same p50", within what such a figure moves between two runs of the same thing. */
const SAME_WITHIN = 1.1

export const lifetimes: Measurement = {
  name: 'lifetimes',
  measure: (options) => onStage('lifetimes', (stage) => measure(options, stage)),
}

async function measure(
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  const root = join(folder, 'root')
  mkdirSync(root)
  const script = join(root, 'hello.wasm')
  writeFileSync(script, helloModule())
  const { server, socket } = await startWasmServer({
    folder: join(folder, 'wasm'),
    workers: availableParallelism(),
    tenants: LIFETIMES.map((lifetime) => ({
      name: lifetime,
      root,
      keys: [`lifetime = "${lifetime}"`, `max_children = ${CONNECTIONS}`],
    })),
  })
  servers.push(server)
  const backends = new Map(
    LIFETIMES.map((lifetime): [string, RunningBackend] => [
      lifetime,
      scriptOfTenant(lifetime, socket, script),
    ]),
  )
  const nginx = await startNginx({
    folder,
    workers: availableParallelism(),
    keepalive: CONNECTIONS,
    backends,
  })
  servers.push(nginx.server)

  const [rounds, seconds] = isQuick ? [3, 1] : [5, 3]
  const rows: Row[] = []
  const warm = new Set<string>()
  // One server has them all: its processor time cannot be told apart.
  const pidless = new Map(LIFETIMES.map((lifetime) => [lifetime, []]))
  for (const workload of WORKLOADS.filter(({ name }) => RATES.includes(name))) {
    const options = { origin: nginx.origin, backends: pidless, rounds, seconds, warm }
    rows.push(...(await measureRows(workload, options)))
  }
  print(formatRows(rows, 'reset'))
  const invalid = rows.find((row) => !row.valid)
  if (invalid !== undefined) {
    throw new Error(`${invalid.workload} with ${invalid.backend}: ${invalid.reason ?? ''}`)
  }

  const fresh = rows.find((row) => row.backend === 'fresh')?.median?.requestsPerSecond ?? 1000
  const ratePerSecond = fresh * LOAD_SHARE
  const load = (lifetime: Lifetime): Promise<OpenLoopFigures> =>
    openLoop({
      url: `${nginx.origin}${locationOf(lifetime, 'keep', 'hello')}`,
      ratePerSecond,
      seconds,
      connections: 32,
    })
  const latencies = { reset: [] as number[], fresh: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const lifetime of round % 2 === 0 ? COMPARED : COMPARED.toReversed()) {
      const { p50Ms, p99Ms, failures, starved } = await load(lifetime)
      if (failures > 0) throw new Error(`${failures} of the requests with ${lifetime} failed`)
      latencies[lifetime].push(p50Ms)
      print(
        `${lifetime} at ${ratePerSecond.toFixed(0)} req/s: p50 ${p50Ms.toFixed(3)} ms, ` +
          `p99 ${p99Ms.toFixed(2)} ms, ${starved} waited for a connection`,
      )
    }
  }
  return [
    ...RATES.map((workload): Figure => {
      const pair = { workload, backend: 'reset', peer: 'persistent' }
      return {
        name: `${workload}: requests a second, reset over persistent`,
        value: ratioTo(rows, pair, 'requestsPerSecond'),
        unit: 'x',
        goal: { atLeast: 0.85 },
      }
    }),
    {
      name: `hello at ${ratePerSecond.toFixed(0)} req/s: p50, fresh over reset`,
      value: medianRatio(latencies.fresh, latencies.reset),
      unit: 'x',
      goal: { atMost: SAME_WITHIN },
      note: `${median(latencies.fresh).toFixed(3)} ms and ${median(latencies.reset).toFixed(3)} ms`,
    },
  ]
}
