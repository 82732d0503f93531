/**
 * CPU profile of wasm-fpm under load: `node bench/http/profile.ts [WORKLOAD] [--seconds N]`.
 *
 * Starts one worker and nginx, loads them with one of the benchmark's workloads, and leaves a `.cpuprofile` for
 * each process in build/bench/profiles (open it in Chrome's or VS Code's profiler). Prints where the time went.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startWasmFpm } from './backends/wasm-fpm.ts'
import { locationOf, startNginx } from './nginx.ts'
import type { Server } from './process.ts'
import { formatTable } from './table.ts'
import { WORKLOADS, type Workload } from './workload.ts'
import { runWrk } from './wrk.ts'

const PROFILES = join(import.meta.dirname, '..', '..', 'build', 'bench', 'profiles')
const SERVER = join(import.meta.dirname, 'profile-server.ts')
const TOP_FUNCTIONS = 30
const WARM_UP_SECONDS = 2

/** What is read of Chrome's CPU profile format. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[]
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '10' } },
})
const name = positionals.join(' ') || 'hello keep 16'
const chosen = WORKLOADS.find((workload) => workload.name === name)
if (chosen === undefined) {
  const names = WORKLOADS.map((workload) => workload.name).join(', ')
  process.stderr.write(`Cannot profile ${name}: one of ${names} wanted\n`)
  process.exitCode = 2
} else {
  await profile(chosen, Number(values.seconds))
}

async function profile(workload: Workload, seconds: number): Promise<void> {
  rmSync(PROFILES, { recursive: true, force: true })
  mkdirSync(PROFILES, { recursive: true })
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-profile-'))
  chmodSync(folder, 0o755)
  const servers: Server[] = []
  try {
    const backend = await startWasmFpm(
      { folder, cores: 1, maxConnections: 64, maxUpstreamConnections: 64 },
      { program: ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`, SERVER] },
    )
    servers.push(...backend.servers)
    const backends = new Map([['wasm-fpm', backend]])
    const { server, origin } = await startNginx({ folder, workers: 1, keepalive: 64, backends })
    servers.push(server)
    const { mode, program, query, connections, bodyBytes } = workload
    const url = `${origin}${locationOf('wasm-fpm', mode, program)}${query}`
    await runWrk({ url, connections, bodyBytes, seconds: WARM_UP_SECONDS })
    const figures = await runWrk({ url, connections, bodyBytes, seconds })
    process.stdout.write(`${workload.name}: ${JSON.stringify(figures)}\n`)
  } finally {
    // A profile is written when its process ends in good order: nginx first, so that no connection is left.
    for (const server of servers.toReversed()) await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  for (const file of readdirSync(PROFILES)) {
    process.stdout.write(`\n${join(PROFILES, file)}\n${topFunctions(join(PROFILES, file))}\n`)
  }
}

/** The functions with the most time of their own, as shares of the time the process was not idle. */
function topFunctions(file: string): string {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
      id,
      `${functionName || '(anonymous)'}  ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`,
    ]),
  )
  const selfUs = new Map<string, number>()
  samples.forEach((id, index) => {
    const label = names.get(id) ?? '?'
    selfUs.set(label, (selfUs.get(label) ?? 0) + (timeDeltas[index] ?? 0))
  })
  const busy = [...selfUs].filter(([label]) => !label.startsWith('(idle)'))
  const totalUs = busy.reduce((sum, [, us]) => sum + us, 0)
  return formatTable(
    busy
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, TOP_FUNCTIONS)
      .map(([label, us]) => [
        `${((100 * us) / totalUs).toFixed(1)} %`.padStart(7),
        `${(us / 1000).toFixed(0)} ms`.padStart(8),
        label,
      ]),
  )
}
