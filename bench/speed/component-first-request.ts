/**
 * The first request of a published component in JavaScript (14 MB) to a server that has been started again: nothing of it is in memory, and
 * what publishing has made of it lies in the store. A server is started when it says that it is ready; a request that does not wait for that
 * is measured for itself, from the start on.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
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
import { logged, startWasmServer, type WasmServer } from './wasm-server.ts'

const GUEST = join(import.meta.dirname, '../../build/guests/js/fetch.wasm')
/** A word of its source: another one makes other components of it, with the same engine. */
const WORD = 'printed'
/** One for each tenant. */
const WORDS = [WORD, 'Printed', 'pRinted']
const GOAL_MS = 100

export const componentFirstRequest: Measurement = {
  name: 'component-first-request',
  measure: (options) => onStage('component-first-request', (stage) => measure(options, stage)),
}

/** What requests have taken, in milliseconds, and the server's processor time for them, of all its threads. */
interface Taken {
  readonly wallMs: number[]
  readonly cpuMs: number[]
}

async function measure({ isQuick }: MeasureOptions, stage: Stage): Promise<readonly Figure[]> {
  const { folder, servers } = stage
  await publishAll(folder)
  const location = (name: string): string => {
    const params = paramLines({ SCRIPT_NAME: '/app', QUERY_STRING: '""', WASM_FPM_TENANT: name })
    return `location = /${name} { fastcgi_pass unix:${folder}/speed.sock; fastcgi_read_timeout 60s; ${params} }`
  }
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 1, backends: new Map() },
    locations: WORDS.map(tenantOf).map(location),
  })
  servers.push(nginx.server)
  const [first, second, others, spare, early] = [taken(), taken(), taken(), taken(), taken()]
  const readyMs: number[] = []
  for (let round = 0; round < (isQuick ? 3 : 9); round += 1) {
    let server = await start(stage, { pm: 'ondemand' })
    readyMs.push(server.readyMs)
    await ask(nginx.origin, 0, server, first)
    await ask(nginx.origin, 0, server, second)
    for (let index = 1; index < WORDS.length; index += 1)
      await ask(nginx.origin, index, server, others)
    server = await start(stage, { pm: 'dynamic' })
    await ask(nginx.origin, 0, server, spare)
    const startMs = performance.now()
    server = await start(stage, { pm: 'ondemand', isAwaited: false })
    await ask(nginx.origin, 0, server, early, startMs)
  }
  await servers.pop()?.stop()
  const goal = { atMost: GOAL_MS }
  const what = 'of a published component in JavaScript after a restart'
  return [
    {
      ...{ name: `first request ${what}, pm = "ondemand"`, unit: 'ms', goal },
      value: median(first.wallMs),
      note: `${noteOf(first)}; the second request: ${median(second.wallMs).toFixed(1)} ms`,
    },
    {
      ...{
        name: 'after that, the first one of another component with the same engine',
        unit: 'ms',
      },
      ...{ value: median(others.wallMs), goal, note: noteOf(others) },
    },
    {
      ...{ name: `first request ${what}, pm = "dynamic"`, unit: 'ms', goal },
      ...{ value: median(spare.wallMs), note: noteOf(spare) },
    },
    {
      name: `a request ${what} that does not wait until the server is ready, from the start on`,
      ...{ value: median(early.wallMs), unit: 'ms' },
      note: `${noteOf(early)}; it is ready after ${median(readyMs).toFixed(0)} ms`,
    },
  ]
}

function tenantOf(word: string): string {
  return `t-${WORDS.indexOf(word)}`
}

/** A component for each tenant, which differ in nothing but a word. */
async function publishAll(folder: string): Promise<void> {
  if (!existsSync(GUEST)) throw new Error(`${GUEST} is missing: run \`make guests\``)
  mkdirSync(join(folder, 'root'))
  const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
  const units = { size: parseSize, duration: parseDuration }
  for (const word of WORDS) {
    const tenant = tenantOf(word)
    const file = join(folder, `${tenant}.wasm`)
    const text = readFileSync(GUEST, 'latin1')
    if (!text.includes(WORD)) throw new Error(`${GUEST} has no '${WORD}' in it, wanted its source`)
    writeFileSync(file, text.replaceAll(WORD, word), 'latin1')
    await publish(file, { store, tenant, handler: 'app', units, clock: systemClock })
  }
}

interface Started extends WasmServer {
  readonly readyMs: number
}

/** In the place of the one before; `isAwaited`: it is ready. */
async function start(
  { folder, servers }: Stage,
  { pm, isAwaited = true }: { readonly pm: string; readonly isAwaited?: boolean },
): Promise<Started> {
  if (servers.length > 1) await servers.pop()?.stop()
  const logFile = join(folder, 'wasm-fpm.log')
  const from = existsSync(logFile) ? readFileSync(logFile).length : 0
  const startMs = performance.now()
  const wasm = await startWasmServer({
    ...{ folder, workers: 1 },
    tenants: WORDS.map((word) => ({
      ...{ name: tenantOf(word), root: join(folder, 'root') },
      keys: [`pm = "${word === WORD ? pm : 'ondemand'}"`],
    })),
    mainKeys: [`store = "${folder}/store"`],
  })
  servers.push(wasm.server)
  if (isAwaited) await logged(wasm, '"msg":"ready"', from)
  return { ...wasm, readyMs: performance.now() - startMs }
}

async function ask(
  origin: string,
  index: number,
  { server: { pid } }: WasmServer,
  into: Taken,
  startMs = performance.now(),
): Promise<void> {
  const cpuUs = treeCpuUs(pid)
  const { status } = await fetch(`${origin}/t-${index}`)
  if (status !== 200) throw new Error(`component ${index} answers ${status}, wanted 200`)
  into.wallMs.push(performance.now() - startMs)
  into.cpuMs.push((treeCpuUs(pid) - cpuUs) / 1000)
}

function taken(): Taken {
  return { wallMs: [], cpuMs: [] }
}

function noteOf({ wallMs, cpuMs }: Taken): string {
  const [slowest, cpu] = [Math.max(...wallMs), median(cpuMs)]
  return `the slowest ${slowest.toFixed(0)} ms, processor time ${cpu.toFixed(0)} ms`
}
