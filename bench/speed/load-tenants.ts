/** How long `wasm-fpm serve` takes to be ready, and to reload, with many tenants; and what a tenant costs that nobody asks for. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Figure, MeasureOptions } from './figure.ts'
import { onStage } from './stage.ts'
import { logged, memoryOf, startWasmServer, type WasmServer } from './wasm-server.ts'

const FEW = 1000
const MANY = 10_000
const GOAL_FEW_S = 2
const GOAL_MANY_S = 15
const GOAL_KIB = 20
const RELOADS = 5
/** Until what a start or a reload has left behind is given back. */
const SETTLE_MS = 2000

interface Load {
  readonly readyMs: number
  readonly reloadsMs: readonly number[]
  /** Of all processes, after the start and after the reloads. */
  readonly startMib: number
  readonly endMib: number
}

export async function loadFigures({ print }: MeasureOptions): Promise<readonly Figure[]> {
  const workers = availableParallelism()
  const one = await load(1, workers)
  const few = await load(FEW, workers)
  const many = await load(MANY, workers)
  for (const [count, { startMib, endMib }] of [[FEW, few] as const, [MANY, many] as const]) {
    print(
      `${count} tenants: RSS ${startMib.toFixed(0)} MiB, ${endMib.toFixed(0)} MiB after ${RELOADS} reloads`,
    )
  }
  const ready = (count: number, { readyMs, reloadsMs }: Load, goalS: number): Figure => ({
    name: `${count} tenants, ${workers} workers: from the start to ready`,
    value: readyMs / 1000,
    unit: 's',
    goal: { atMost: goalS },
    note: `one tenant: ${(one.readyMs / 1000).toFixed(2)} s; slowest of ${RELOADS} reloads: ${Math.max(...reloadsMs).toFixed(0)} ms`,
  })
  // Not over one tenant: a server with few does not trouble to give memory back.
  const idleKib = (fewMib: number, manyMib: number): number =>
    ((manyMib - fewMib) * 1024) / (MANY - FEW)
  return [
    ready(FEW, few, GOAL_FEW_S),
    ready(MANY, many, GOAL_MANY_S),
    {
      name: `from ${FEW} to ${MANY} tenants, ${workers} workers: an idle one, in all processes`,
      value: idleKib(few.startMib, many.startMib),
      unit: 'KiB',
      goal: { atMost: GOAL_KIB },
      note: 'after the start',
    },
    {
      name: `from ${FEW} to ${MANY} tenants, ${workers} workers: an idle one, after reloads`,
      value: idleKib(few.endMib, many.endMib),
      unit: 'KiB',
      goal: { atMost: GOAL_KIB },
      note: `${RELOADS} reloads`,
    },
  ]
}

function load(count: number, workers: number): Promise<Load> {
  return onStage('load-tenants', async ({ folder, servers }) => {
    const startMs = performance.now()
    const wasm = await startWasmServer({
      folder,
      workers,
      tenants: Array.from({ length: count }, (_, index) => ({
        name: `t${index}`,
        root: join(folder, 'tenants', `t${index}`),
        keys: [`hosts = ["t${index}.example"]`, `env = { TENANT = "t${index}" }`],
      })),
    })
    servers.push(wasm.server)
    await logged(wasm, '"msg":"ready"', 0)
    const readyMs = performance.now() - startMs
    await delay(SETTLE_MS)
    const startMib = memoryOf(wasm.pids()).rssMib
    const reloadsMs: number[] = []
    for (let turn = 0; turn < RELOADS; turn += 1) reloadsMs.push(await reload(wasm))
    await delay(SETTLE_MS)
    return { readyMs, reloadsMs, startMib, endMib: memoryOf(wasm.pids()).rssMib }
  })
}

async function reload(wasm: WasmServer): Promise<number> {
  const from = readFileSync(wasm.logFile).length
  const startMs = performance.now()
  process.kill(wasm.server.pid, 'SIGHUP')
  await logged(wasm, 'reload is done', from)
  return performance.now() - startMs
}
