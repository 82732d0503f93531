/** 10,000 tenants, each with a module of its own that has run once and is kept warm: memory of all processes, and how fast any of them answers. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { FastCgiLine } from './fastcgi-line.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { helloModule, withCustomSection } from './guest-module.ts'
import { loadFigures } from './load-tenants.ts'
import { percentile } from './open-loop.ts'
import { onStage, type Stage } from './stage.ts'
import { memoryOf, startWasmServer } from './wasm-server.ts'

const TENANTS = 10_000
const QUICK_TENANTS = 2000
/** Requests under way at once while every tenant is woken. */
const PARALLEL = 8
const SAMPLES = 2000
const GOAL_MIB = 1024
const GOAL_MS = 5

export const manyTenants: Measurement = { name: 'many-tenants', measure }

async function measure(options: MeasureOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = [...(await loadFigures(options))]
  for (const workers of new Set([1, availableParallelism()])) {
    figures.push(...(await onStage('tenants', (stage) => withWorkers(workers, options, stage))))
  }
  return figures
}

async function withWorkers(
  workers: number,
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  const count = isQuick ? QUICK_TENANTS : TENANTS
  const tenants = makeTenants(folder, count)
  const wasm = await startWasmServer({
    folder,
    workers,
    tenants: tenants.map(({ tenant, root }) => ({
      name: tenant,
      root,
      keys: ['process_idle_timeout = "1h"', 'access_log = "off"'],
    })),
  })
  servers.push(wasm.server)
  const before = memoryOf(wasm.pids())
  print(`${count} tenants, ${workers} workers: ${before.rssMib.toFixed(0)} MiB after the start`)

  const startMs = performance.now()
  const queue = tenants.values()
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      // A connection each time: whichever worker is free takes it.
      for (const one of queue) {
        const line = await FastCgiLine.open(wasm.socket)
        await line.send(one).ended
        line.close()
      }
    }),
  )
  print(`all of them woken in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  const after = memoryOf(wasm.pids())
  for (const pid of wasm.pids()) {
    const { rssMib, pssMib, privateMib } = memoryOf([pid])
    print(
      `process ${pid}: RSS ${rssMib.toFixed(0)}, PSS ${pssMib.toFixed(0)}, private ${privateMib.toFixed(0)} MiB`,
    )
  }

  const latencies: number[] = []
  for (let sample = 0; sample < SAMPLES; sample++) {
    const one = tenants[Math.floor(Math.random() * tenants.length)]
    if (one === undefined) continue
    const line = await FastCgiLine.open(wasm.socket)
    const sentMs = performance.now()
    await line.send(one).ended
    latencies.push(performance.now() - sentMs)
    line.close()
  }
  latencies.sort((a, b) => a - b)
  const what = `${count} warm tenants, ${workers} worker${workers === 1 ? '' : 's'}`
  const perTenant = ((after.rssMib - before.rssMib) * 1024) / count
  return [
    {
      name: `${what}: RSS of all processes`,
      value: after.rssMib,
      unit: 'MiB',
      // The goal is for all of them.
      ...(count === TENANTS ? { goal: { atMost: GOAL_MIB } } : {}),
      note: `${perTenant.toFixed(1)} KiB a tenant over ${before.rssMib.toFixed(0)} MiB`,
    },
    {
      name: `${what}: a random one answers, p99`,
      value: percentile(latencies, 0.99),
      unit: 'ms',
      goal: { atMost: GOAL_MS },
      note: `p50 ${percentile(latencies, 0.5).toFixed(2)} ms, worst ${percentile(latencies, 1).toFixed(2)} ms`,
    },
  ]
}

/** Half of them have the same module, the others one each that nobody else has. */
function makeTenants(folder: string, count: number) {
  const module = helloModule()
  return Array.from({ length: count }, (_, index) => {
    const root = join(folder, 'tenants', `t${index}`)
    const script = join(root, 'index.wasm')
    mkdirSync(root, { recursive: true })
    writeFileSync(script, index % 2 === 0 ? module : withCustomSection(module, `t${index}`))
    return { tenant: `t${index}`, root, script }
  })
}
