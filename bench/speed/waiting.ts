/** 5,000 requests that wait at once in one worker: what memory they take, and whether somebody else is served meanwhile. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastCgiLine, type LineRequest } from './fastcgi-line.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { helloModule, readBodyModule, sleepModule } from './guest-module.ts'
import { percentile } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { memoryOf, startWasmServer } from './wasm-server.ts'

const WAITING = 5000
const QUICK_WAITING = 1000
/** Long enough for all of them to begin before the first one ends. */
const SLEEP_MS = 20_000
const NEIGHBOUR_REQUESTS = 500
const PARALLEL = 50
const GOAL_MIB = 150

type Kind = 'sleep' | 'body'

export const waiting: Measurement = {
  name: 'waiting',
  measure: async (options) => [
    ...(await onStage('waiting', (stage) => measure('sleep', options, stage))),
    ...(await onStage('waiting', (stage) => measure('body', options, stage))),
  ],
}

async function measure(
  kind: Kind,
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  const count = isQuick ? QUICK_WAITING : WAITING
  const root = join(folder, 'root')
  mkdirSync(root)
  writeFileSync(
    join(root, 'wait.wasm'),
    kind === 'sleep' ? sleepModule(SLEEP_MS) : readBodyModule(),
  )
  writeFileSync(join(root, 'hello.wasm'), helloModule())
  const keys = ['max_children = 16000', 'access_log = "off"']
  const limits = ['wall = "5m"']
  const wasm = await startWasmServer({
    folder,
    workers: 1,
    poolKeys: ['max_connections = 16000', 'body_timeout = "10m"', 'listen_backlog = 4096'],
    tenants: [
      { name: 'crowd', root, keys, limits },
      { name: 'neighbour', root },
    ],
  })
  servers.push(wasm.server)
  const script = (name: string): string => join(root, `${name}.wasm`)
  const neighbour = { tenant: 'neighbour', root, script: script('hello') }
  const crowd: LineRequest = {
    tenant: 'crowd',
    root,
    script: script('wait'),
    ...(kind === 'body' ? { missingBodyBytes: 1000 } : {}),
  }

  const line = await FastCgiLine.open(wasm.socket)
  const alone = await serveNeighbour(line, neighbour)
  const before = memoryOf(wasm.pids())
  const startMs = performance.now()
  const lines: FastCgiLine[] = []
  const ends: Promise<unknown>[] = []
  let left = count
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      while (left > 0) {
        left--
        const one = await FastCgiLine.open(wasm.socket)
        lines.push(one)
        const { begun, ended } = one.send(crowd)
        ends.push(ended.catch((error: unknown) => error))
        await begun
      }
    }),
  )
  const beginMs = performance.now() - startMs
  const after = memoryOf(wasm.pids())
  const beside = await serveNeighbour(line, neighbour)
  const failed = (
    await Promise.all(ends.map((end) => Promise.race([end, Promise.resolve(undefined)])))
  ).filter((end) => end !== undefined)
  if (failed.length > 0) throw new Error(`${failed.length} did not wait: ${String(failed[0])}`)
  for (const one of lines) one.close()
  line.close()
  const more = after.rssMib - before.rssMib
  const held = lines.length
  print(
    `${held} requests (${kind}) began in ${(beginMs / 1000).toFixed(1)} s; RSS ${before.rssMib.toFixed(0)} -> ${after.rssMib.toFixed(0)} MiB`,
  )
  const what = `${held} requests waiting (${kind === 'sleep' ? 'asleep' : 'for their body'})`
  return [
    {
      name: `${what}: more RSS`,
      value: more,
      unit: 'MiB',
      ...(isQuick ? {} : { goal: { atMost: GOAL_MIB } }),
      note: `${((more * 1024) / held).toFixed(1)} KiB each`,
    },
    {
      name: `${what}: hello beside them, p50`,
      value: percentile(beside, 0.5),
      unit: 'ms',
      note: `p99 ${percentile(beside, 0.99).toFixed(2)} ms; alone ${percentile(alone, 0.5).toFixed(2)} and ${percentile(alone, 0.99).toFixed(2)} ms`,
    },
  ]
}

/** Latencies of requests one after the other, ascending. */
async function serveNeighbour(line: FastCgiLine, request: LineRequest): Promise<number[]> {
  const latencies: number[] = []
  for (let index = 0; index < NEIGHBOUR_REQUESTS; index++) {
    const startMs = performance.now()
    await line.send(request).ended
    latencies.push(performance.now() - startMs)
  }
  return latencies.sort((a, b) => a - b)
}
