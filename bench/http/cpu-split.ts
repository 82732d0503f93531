/**
 * Whose processor time a request takes: `node bench/http/cpu-split.ts [--rounds N]`.
 *
 * Loads hello world through nginx with kept connections and reads the processor time of nginx's processes and of the backend's
 * before and after. What the load generator and the kernel's own threads take is not in it. On a machine where they all share
 * the cores, these figures bound what a faster backend can win: it saves its own column and nothing else.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { processTree } from '../speed/wasm-server.ts'
import type { RunningBackend } from './backend.ts'
import { phpFpm } from './backends/php-fpm.ts'
import { wasmFpm } from './backends/wasm-fpm.ts'
import { ownCpuUs } from './cpu-time.ts'
import { machineFacts } from './machine.ts'
import { locationOf, startNginx } from './nginx.ts'
import type { Server } from './process.ts'
import { median } from './statistics.ts'
import { formatTable } from './table.ts'
import { runWrk } from './wrk.ts'

const CLIENTS = [1, 16, 64]
const SECONDS = 2
const WARM_UP_SECONDS = 4
const WARM_UP_CLIENTS = 16

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-cpu-split-'))
chmodSync(folder, 0o755)
const servers: Server[] = []
try {
  await measure(Number(values.rounds))
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true, force: true })
}

interface Sample {
  readonly perSecond: number
  /** Microseconds of a request. */
  readonly nginxUs: number
  readonly backendUs: number
}

async function measure(rounds: number): Promise<void> {
  const { cores } = machineFacts()
  const context = { folder, cores, maxConnections: 64, maxUpstreamConnections: 64 * cores }
  const backends = new Map<string, RunningBackend>()
  for (const backend of [wasmFpm, phpFpm]) {
    const running = await backend.start(context)
    servers.push(...running.servers)
    backends.set(backend.name, running)
  }
  const nginx = await startNginx({ folder, workers: cores, keepalive: 64, backends })
  servers.push(nginx.server)

  const samples = new Map<string, Sample[]>()
  const load = (url: string, connections: number, seconds: number) =>
    runWrk({ url, connections, seconds, bodyBytes: 0 })
  const targets = [...backends].map(([name, { servers: own }]) => ({
    name,
    url: nginx.origin + locationOf(name, 'keep', 'hello'),
    pid: own[0]?.pid ?? -1,
  }))
  for (const { url } of targets) await load(url, WARM_UP_CLIENTS, WARM_UP_SECONDS)
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % 2 === 0 ? targets : targets.toReversed()
    for (const clients of CLIENTS) {
      for (const { name, url, pid } of turn) {
        const before = [cpuUs(nginx.server.pid), cpuUs(pid)] as const
        const { requests, durationUs } = await load(url, clients, SECONDS)
        const key = `${clients} ${name}`
        const sample = {
          perSecond: (requests * 1e6) / durationUs,
          nginxUs: (cpuUs(nginx.server.pid) - before[0]) / requests,
          backendUs: (cpuUs(pid) - before[1]) / requests,
        }
        samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }
  const rows = [...samples].map(([key, all]) => {
    const [clients = '', name = ''] = key.split(' ')
    const of = (read: (sample: Sample) => number): string => median(all.map(read)).toFixed(1)
    return [
      clients,
      name,
      median(all.map(({ perSecond }) => perSecond)).toFixed(0),
      of(({ nginxUs }) => nginxUs),
      of(({ backendUs }) => backendUs),
    ]
  })
  const head = ['clients', 'backend', 'req/s', 'nginx us', 'backend us']
  process.stdout.write(`${formatTable([head, ...rows])}\n`)
}

/** User and system time of a process and all below it. */
function cpuUs(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + ownCpuUs(one), 0)
}
