/**
 * The first request of a published component in JavaScript (14 MB) to a server that has been started again: nothing of it is in memory, and
 * what publishing has made of it lies in the store.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { publish } from '../../src/store/publication.ts'
import { treeCpuUs } from '../http/cpu-time.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { median } from '../http/statistics.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const GUEST = join(import.meta.dirname, '../../build/guests/js/fetch.wasm')
const TENANT = 'acme'
const GOAL_MS = 100

export const componentFirstRequest: Measurement = {
  name: 'component-first-request',
  measure: (options) => onStage('component-first-request', (stage) => measure(options, stage)),
}

async function measure(
  { isQuick }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  if (!existsSync(GUEST)) throw new Error(`${GUEST} is missing: run \`make guests\``)
  const root = join(folder, 'root')
  mkdirSync(root)
  const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
  const units = { size: parseSize, duration: parseDuration }
  await publish(GUEST, { store, tenant: TENANT, handler: 'app', units, clock: systemClock })
  let pid = 0
  const start = async (): Promise<string> => {
    await servers.pop()?.stop()
    const wasm = await startWasmServer({
      ...{ folder, workers: 1, tenants: [{ name: TENANT, root }] },
      mainKeys: [`store = "${folder}/store"`],
    })
    servers.push(wasm.server)
    pid = wasm.server.pid
    return wasm.socket
  }
  const socket = await start()
  const params = paramLines({ SCRIPT_NAME: '/app', QUERY_STRING: '""', WASM_FPM_TENANT: TENANT })
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 1, backends: new Map() },
    locations: [`location = /app { fastcgi_pass unix:${socket}; ${params} }`],
  })
  servers.unshift(nginx.server)
  const firstMs: number[] = []
  const secondMs: number[] = []
  /** Processor time of all of the server's threads for the first one. */
  const cpuMs: number[] = []
  for (let round = 0; round < (isQuick ? 3 : 9); round += 1) {
    await start()
    for (const times of [firstMs, secondMs]) {
      const startMs = performance.now()
      const cpuUs = treeCpuUs(pid)
      const { status } = await fetch(`${nginx.origin}/app`)
      if (status !== 200) throw new Error(`the component answers ${status}, wanted 200`)
      times.push(performance.now() - startMs)
      if (times === firstMs) cpuMs.push((treeCpuUs(pid) - cpuUs) / 1000)
    }
  }
  return [
    {
      name: 'first request of a published component in JavaScript after a restart',
      value: median(firstMs),
      unit: 'ms',
      goal: { atMost: GOAL_MS },
      note: `the slowest ${Math.max(...firstMs).toFixed(0)} ms, processor time ${median(cpuMs).toFixed(0)} ms; the second request: ${median(secondMs).toFixed(1)} ms`,
    },
  ]
}
