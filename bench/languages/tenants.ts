/** What one more tenant takes of a worker that is warm: memory, and the time of its first request. */
import { cpSync, mkdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { processTree } from '../http/cpu-time.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import type { Server } from '../http/process.ts'
import { median } from '../http/statistics.ts'
import { formatTable } from '../http/table.ts'
import { memoryOf } from '../speed/wasm-server.ts'
import { runtimeTables, type TenantPage, tenantLines } from './pages.ts'

/** More of them, after the first ones, in which the worker comes to know the runtime. */
export interface TenantCounts {
  readonly known: number
  readonly more: number
}

const FEW: TenantCounts = { known: 2, more: 5 }
/** What V8 compiles, and the collector gives back, later than the answer. */
const REQUESTS = 20
const WANTED_MIB: Partial<Record<TenantPage['language'], number>> = { ruby: 8, python: 5 }

/** Prints a table, and returns the exit code: 0 when all is as it is wanted. */
export async function measureTenants(
  pages: readonly TenantPage[],
  folder: string,
  counts: TenantCounts = FEW,
): Promise<number> {
  const rows = [['page', 'one more tenant', 'wanted', '', 'its first request', 'the second one']]
  let isGood = true
  for (const page of pages) {
    const { mib, firstMs, secondMs } = await measure(page, { within: folder, ...counts })
    const wantedMib = WANTED_MIB[page.language]
    const isMet = wantedMib === undefined || mib <= wantedMib
    isGood &&= isMet
    rows.push([
      ...[page.name, `${mib.toFixed(1)} MiB`, wantedMib === undefined ? '-' : `${wantedMib} MiB`],
      wantedMib === undefined ? '' : isMet ? 'met' : 'MISSED',
      ...[`${firstMs.toFixed(0)} ms`, `${secondMs.toFixed(1)} ms`],
    ])
  }
  process.stdout.write(
    `${formatTable(rows)}\none worker that has answered for ${counts.known} tenants, then ${counts.more} more with an application of their own each, ${REQUESTS} requests to each; memory (PSS of all processes): their mean, times: medians\n`,
  )
  return isGood ? 0 : 1
}

interface Taken {
  readonly mib: number
  readonly firstMs: number
  readonly secondMs: number
}

async function measure(
  page: TenantPage,
  { within, known, more }: TenantCounts & { readonly within: string },
): Promise<Taken> {
  const folder = join(within, `tenants-${page.name}`)
  mkdirSync(folder)
  const socket = join(folder, 'wasm.sock')
  const names = Array.from({ length: known + more }, (_, index) => `t${index}`)
  const tenants = names.map((name) => {
    const root = join(folder, name)
    cpSync(page.root, root, { recursive: true })
    return tenantLines(page, { name, root })
  })
  const servers: Server[] = []
  try {
    const text = `[[pool]]\nname = "www"\nlisten = ["${socket}"]\nworkers = 1\n${runtimeTables([page])}\n${tenants.join('\n')}\n`
    const own = startOwnServer(folder, text)
    servers.push(own)
    await own.ready(socket, 60_000)
    const nginx = await startNginx({
      ...{ folder, workers: 1, keepalive: 1, backends: new Map() },
      locations: names.map((name) => {
        const lines = paramLines({
          ...{ SCRIPT_NAME: '""', PATH_INFO: `/${page.name}`, WASM_FPM_TENANT: name },
        })
        return `location = /${name} { fastcgi_pass unix:${socket}; fastcgi_read_timeout 120s; ${lines} }`
      }),
    })
    servers.push(nginx.server)
    const times: number[][] = []
    const ask = async (name: string): Promise<void> => {
      const own: number[] = []
      for (let count = 0; count < REQUESTS; count += 1)
        own.push(await timeOf(`${nginx.origin}/${name}`))
      times.push(own)
    }
    const pss = (): number => memoryOf(processTree(own.pid)).pssMib
    for (const name of names.slice(0, known)) await ask(name)
    const before = pss()
    for (const name of names.slice(known)) await ask(name)
    const mib = (pss() - before) / more
    const nth = (index: number): number =>
      median(times.slice(known).map((own) => own[index] ?? Number.NaN))
    return { mib, firstMs: nth(0), secondMs: nth(1) }
  } finally {
    for (const server of servers.toReversed()) await server.stop()
  }
}

/** In milliseconds, until all of the answer is there. Rejects when it is over 399. */
function timeOf(url: string): Promise<number> {
  const from = performance.now()
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      response.resume().once('end', () => {
        const { statusCode = 0 } = response
        if (statusCode < 400) resolve(performance.now() - from)
        else reject(new Error(`${url}: ${statusCode}`))
      })
    })
      .once('error', reject)
      .end()
  })
}
