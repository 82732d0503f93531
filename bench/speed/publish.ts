/**
 * Publishing into a server that runs: how long after the end of a publication the new release answers, through nginx with
 * kept connections; and 200 publications under load.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../src/config/units.ts'
import { DirectoryStore } from '../../src/store/directory-store.ts'
import { publish } from '../../src/store/publication.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { median } from '../http/statistics.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { withCustomSection } from './guest-module.ts'
import { onStage, type Stage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const GUEST = join(import.meta.dirname, '../../build/guests/c/echo.wasm')
const MODULE_BYTES = 100 * 1024
const TENANT = 'shop'
const GOAL_MS = 100
const CLIENTS = 4

export const publishing: Measurement = {
  name: 'publish',
  measure: (options) => onStage('publish', (stage) => measure(options, stage)),
}

async function measure(
  { isQuick, print }: MeasureOptions,
  { folder, servers }: Stage,
): Promise<readonly Figure[]> {
  if (!existsSync(GUEST)) throw new Error(`${GUEST} is missing: run \`make guests\``)
  const root = join(folder, 'root')
  mkdirSync(root)
  const wasm = await startWasmServer({
    folder,
    workers: 2,
    tenants: [{ name: TENANT, root }],
    mainKeys: [`store = "${folder}/store"`],
  })
  servers.push(wasm.server)
  const store = await DirectoryStore.open(join(folder, 'store'), { clock: systemClock })
  const params = paramLines({ SCRIPT_NAME: '$uri', WASM_FPM_TENANT: TENANT })
  const nginx = await startNginx({
    folder,
    workers: 1,
    keepalive: 8,
    backends: new Map(),
    locations: [`location /app { fastcgi_pass unix:${wasm.socket}; ${params} }`],
  })
  servers.push(nginx.server)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () => ageOf(`${nginx.origin}/app`, agent)

  const module = readFileSync(GUEST)
  let releases = 0
  /** Publishes a module with bytes of its own; returns what it answers with. */
  const publishNext = async (): Promise<string> => {
    releases += 1
    const age = String(releases)
    const source = join(folder, `source-${age}`)
    mkdirSync(source)
    writeFileSync(join(source, 'app.wasm'), withCustomSection(module, source, MODULE_BYTES))
    writeFileSync(
      join(source, 'wasm-fpm.json'),
      JSON.stringify({ name: 'app', routes: ['/app'], env: { AGE: age } }),
    )
    const units = { size: parseSize, duration: parseDuration }
    await publish(source, { store, tenant: TENANT, units, clock: systemClock })
    return age
  }
  /** Milliseconds from now until the release of that age answers. */
  const untilLive = async (age: string): Promise<number> => {
    const startMs = performance.now()
    while ((await ask()) !== age) {}
    return performance.now() - startMs
  }

  await untilLive(await publishNext())
  const [wholeMs, liveMs]: [number[], number[]] = [[], []]
  for (let count = 0; count < (isQuick ? 10 : 30); count += 1) {
    const startMs = performance.now()
    const age = await publishNext()
    wholeMs.push(performance.now() - startMs)
    liveMs.push(await untilLive(age))
  }
  const underLoad = isQuick ? 40 : 200
  const load = loop(`${nginx.origin}/app`)
  for (let count = 0; count < underLoad; count += 1) await publishNext()
  const { answered, lost } = await load.stop()
  agent.destroy()
  print(`${underLoad} publications under load: ${answered} requests answered, ${lost} lost`)
  return [
    {
      name: `first request on a new release of ${MODULE_BYTES / 1024} KiB, after the end of publish`,
      value: median(liveMs),
      unit: 'ms',
      goal: { atMost: GOAL_MS },
      note: `worst of ${liveMs.length}: ${Math.max(...liveMs).toFixed(1)} ms; publish itself ${median(wholeMs).toFixed(0)} ms`,
    },
    {
      name: `${underLoad} publications under load: requests lost`,
      value: lost,
      unit: '',
      goal: { atMost: 0 },
      note: `${answered} answered`,
    },
  ]
}

/** Asks for `url` from `CLIENTS` kept connections until it is stopped. */
function loop(url: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  let isOver = false
  let [answered, lost] = [0, 0]
  const client = async (): Promise<void> => {
    while (!isOver) {
      const age = await ageOf(url, agent).catch(() => undefined)
      if (age === undefined) lost += 1
      else answered += 1
    }
  }
  const clients = Array.from({ length: CLIENTS }, client)
  return {
    stop: async () => {
      isOver = true
      await Promise.all(clients)
      agent.destroy()
      return { answered, lost }
    },
  }
}

/** What the release that answers was given as AGE; undefined when it is no release, or the request has failed. */
function ageOf(url: string, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        if (response.statusCode !== 200) resolve(undefined)
        else {
          const { env } = JSON.parse(Buffer.concat(chunks).toString()) as {
            readonly env: Readonly<Record<string, string>>
          }
          resolve(env['AGE'])
        }
      })
    })
    request.once('error', reject)
  })
}
