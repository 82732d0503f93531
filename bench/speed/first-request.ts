/**
 * The first request to a handler that has never run: a module of 100 KB with bytes of its own each time, through nginx; the
 * same after the worker was started again; the same published, so that it lies hardened in the store, each by a tenant of its
 * own; beside php-fpm, whose first request to a sleeping pool starts a child.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { publish } from '../../src/store/publication.ts'
import { paramLines, scriptParams, startNginx } from '../http/nginx.ts'
import { median } from '../http/statistics.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { measureSteps } from './first-request-steps.ts'
import { withCustomSection } from './guest-module.ts'
import { startPhpPools } from './php-first-request.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer, type WasmServer } from './wasm-server.ts'

const GUEST = join(import.meta.dirname, '../../build/guests/rust/echo.wasm')
const MODULE_BYTES = 100 * 1024
/** The first requests find a server whose own code has not run yet: they are made to other modules, and not counted. */
const WARM_UP = 20
const TENANT = 'first'
const GOAL_MS = 5
const PHP_WARM_UP = 2

export const firstRequest: Measurement = {
  name: 'first-request',
  measure: (options) => onStage('first-request', (stage) => measure(options, stage)),
}

async function measure(
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  if (!existsSync(GUEST)) throw new Error(`${GUEST} is missing: run \`make guests\``)
  const count = WARM_UP + (isQuick ? 30 : 100)
  const root = join(folder, 'root')
  mkdirSync(root)
  const original = readFileSync(GUEST)
  const files = Array.from({ length: count }, (_, index) => join(root, `${index}.wasm`))
  for (const file of files) writeFileSync(file, withCustomSection(original, file, MODULE_BYTES))

  const steps = await measureSteps(files)
  print(
    `in process, ms: ${Object.entries(steps)
      .map(([step, ms]) => `${step} ${ms.toFixed(2)}`)
      .join(', ')}`,
  )

  print(`${count} modules are published`)
  const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
  for (const [index, file] of files.entries()) await publishAs(`t${index}`, file, store)
  const start = (): Promise<WasmServer> =>
    startWasmServer({
      folder,
      workers: 1,
      tenants: [TENANT, ...files.map((_, index) => `t${index}`)].map((name) => ({ name, root })),
      mainKeys: [`store = "${folder}/store"`],
    })
  let wasm = await start()
  servers.push(wasm.server)
  const php = await startPhpPools(folder, count)
  if (php !== undefined) servers.push(php.server)
  const nginx = await startNginx({
    folder,
    workers: 1,
    keepalive: 1,
    backends: new Map(),
    locations: [
      location('wasm', wasm.socket, {
        ...scriptParams(join(root, '$1.wasm')),
        WASM_FPM_TENANT: TENANT,
      }),
      location('published', wasm.socket, { WASM_FPM_TENANT: 't$1' }),
      ...(php === undefined ? [] : [location('php', php.socket, scriptParams(php.script))]),
    ],
  })
  servers.push(nginx.server)

  const first = await times(`${nginx.origin}/wasm`, count)
  const second = await times(`${nginx.origin}/wasm`, count)
  await wasm.server.stop()
  wasm = await start()
  servers.push(wasm.server)
  const again = await times(`${nginx.origin}/wasm`, count)
  await wasm.server.stop()
  wasm = await start()
  servers.push(wasm.server)
  const published = await times(`${nginx.origin}/published`, count)
  const inWorker = workerTimes(wasm.logFile)
  const phpFirst = php === undefined ? [] : await times(`${nginx.origin}/php`, count)
  const phpMs = phpFirst.length === 0 ? null : median(phpFirst.slice(PHP_WARM_UP))
  const { read, digest, compile, instantiate, run } = steps
  return [
    {
      name: 'first request, module never seen before (hardened on the way)',
      value: median(first.slice(WARM_UP)),
      unit: 'ms',
      note:
        `${inWorker(0, count)}; the second request: ` +
        `${median(second.slice(WARM_UP)).toFixed(2)} ms, ${inWorker(1, count)}`,
    },
    {
      name: 'first request, module seen by a worker that has ended',
      value: median(again.slice(WARM_UP)),
      unit: 'ms',
      note: inWorker(2, count),
    },
    {
      name: 'first request, module published (hardened on disk), releases of its tenant not looked up yet',
      value: median(published.slice(WARM_UP)),
      unit: 'ms',
      goal: { atMost: GOAL_MS },
      note: inWorker(3, count),
    },
    {
      name: 'first request in process, hardened already: read + digest + compile + instantiate + run',
      value: read + digest + compile + instantiate + run,
      unit: 'ms',
      note: `hardening it: ${steps.harden.toFixed(2)} ms`,
    },
    {
      name: 'first request, php-fpm `ondemand`, a small script in a pool without children',
      value: phpMs,
      unit: 'ms',
      ...(phpMs === null ? { note: 'php-fpm is not installed' } : {}),
    },
  ]
}

async function publishAs(tenant: string, file: string, store: DirectoryStore): Promise<void> {
  const units = { size: parseSize, duration: parseDuration }
  await publish(file, { store, tenant, handler: 'app', units, clock: systemClock })
}

/** Reads the access lines: what the worker itself says a pass over all modules has taken, the rest being the way there and back. */
function workerTimes(logFile: string): (pass: number, count: number) => string {
  const times = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"msg":"access"'))
    .map((line) => (JSON.parse(line) as { readonly wallMs: number }).wallMs)
  return (pass, count) => {
    const ofPass = times.slice(pass * count + WARM_UP, (pass + 1) * count)
    return ofPass.length === 0 ? '' : `in the worker ${median(ofPass).toFixed(2)} ms`
  }
}

function location(name: string, socket: string, params: Readonly<Record<string, string>>): string {
  const lines = paramLines({ SCRIPT_NAME: `/${name}/$1`, ...params })
  return `location ~ ^/${name}/(\\d+)$ { fastcgi_pass unix:${socket}; ${lines} }`
}

/** Milliseconds of one request to each of `base`/0, `base`/1, ..., one after the other. */
async function times(base: string, count: number): Promise<number[]> {
  const all: number[] = []
  for (let index = 0; index < count; index++) {
    const startMs = performance.now()
    await get(`${base}/${index}`)
    all.push(performance.now() - startMs)
  }
  return all
}

/** Rejects unless the status is 200. */
function get(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, (response) => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`${url}: status ${response.statusCode}`))
      })
    })
    request.once('error', reject)
    request.end()
  })
}
