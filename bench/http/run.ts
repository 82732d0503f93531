/** The HTTP benchmark: every backend behind the same nginx, in one run. See bench/README.md for the method. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RESULTS_FOLDER, writeResults } from '../results.ts'
import type { Backend, BackendContext, RunningBackend } from './backend.ts'
import { fcgiwrap } from './backends/fcgiwrap.ts'
import { cEcho, nodeEcho } from './backends/floors.ts'
import { nodeFastcgi } from './backends/node-fastcgi.ts'
import { phpFpm } from './backends/php-fpm.ts'
import { wasmFpm } from './backends/wasm-fpm.ts'
import { judgeGoals } from './goals.ts'
import { machineFacts } from './machine.ts'
import { measure, type Row, unmeasuredRow } from './measure.ts'
import { startNginx } from './nginx.ts'
import { findProgram, type Server } from './process.ts'
import { formatGoals, formatRows } from './table.ts'
import { WORKLOADS, type Workload } from './workload.ts'

const BACKENDS: readonly Backend[] = [wasmFpm, phpFpm, nodeEcho, cEcho, fcgiwrap, nodeFastcgi]
const USAGE = `usage: node bench/run.ts http [--quick] [--rounds N] [--seconds N] [--only TEXT] [--backends A,B]
`

interface Settings {
  readonly rounds: number
  readonly seconds: number
  readonly workloads: readonly Workload[]
  readonly backends: readonly Backend[]
}

const settings = readSettings(process.argv.slice(2))
if (settings === undefined) process.exitCode = 2
else if (isToolMissing()) process.exitCode = 1
else process.exitCode = await run(settings)

/** Returns the exit code: 0 when every row is valid, whether or not the goals are met. */
async function run({ rounds, seconds, workloads, backends }: Settings): Promise<number> {
  const machine = machineFacts()
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-'))
  chmodSync(folder, 0o755)
  const maxConnections = Math.max(...WORKLOADS.map((workload) => workload.connections))
  const context: BackendContext = {
    folder,
    cores: machine.cores,
    maxConnections,
    maxUpstreamConnections: maxConnections * machine.cores,
  }
  const servers: Server[] = []
  const stopAll = async () => {
    await Promise.all(servers.map((server) => server.stop()))
    keepLogs(folder)
    rmSync(folder, { recursive: true, force: true })
  }
  const interrupted = () => void stopAll().finally(() => process.exit(130))
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  try {
    const running = new Map<string, RunningBackend>()
    const missing = new Map<string, string>()
    for (const backend of backends) {
      try {
        const started = await backend.start(context)
        servers.push(...started.servers)
        running.set(backend.name, started)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        print(`Cannot measure ${backend.name}: ${reason}\n`)
        missing.set(backend.name, reason.split('\n')[0] ?? '')
      }
    }
    const { server, origin } = await startNginx({
      folder,
      workers: machine.cores,
      keepalive: maxConnections,
      backends: running,
    })
    servers.push(server)

    const rows: Row[] = []
    const warm = new Set<string>()
    for (const workload of workloads) {
      const taking = backends.filter(({ programs }) => programs?.includes(workload.program) ?? true)
      const pids = taking.flatMap(({ name }) => {
        const found = running.get(name)
        return found === undefined ? [] : [[name, found.servers.map(({ pid }) => pid)] as const]
      })
      const options = { origin, backends: new Map(pids), rounds, seconds, warm }
      const measured = [
        ...(await measure(workload, options)),
        ...[...missing].map(([name, reason]) => unmeasuredRow(workload, name, reason)),
      ]
      rows.push(...measured)
      print(`${formatRows(measured, wasmFpm.name)}\n`)
    }
    const goals = judgeGoals(rows)
    const file = writeResults({
      machine,
      method: {
        rounds,
        secondsPerRun: seconds,
        generator: 'wrk, one thread, client connections kept alive',
        nginxWorkers: machine.cores,
        figures: 'medians over rounds; ratios taken within each round, then their median',
        backends: Object.fromEntries(backends.map(({ name, setup }) => [name, setup])),
      },
      rows,
      goals,
    })
    print(`\nGoals (ratio of wasm-fpm to the peer, the worst of the workloads named)\n`)
    print(`${formatGoals(goals)}\n\n${file}\n`)
    return rows.every((row) => row.valid) ? 0 : 1
  } finally {
    await stopAll()
  }
}

function readSettings(args: string[]): Settings | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        only: { type: 'string', default: '' },
        backends: { type: 'string', default: BACKENDS.map(({ name }) => name).join(',') },
      },
    })
    const names = values.backends.split(',')
    return {
      rounds: positive(values.rounds ?? (values.quick ? '3' : '5')),
      seconds: positive(values.seconds ?? (values.quick ? '1' : '3')),
      workloads: WORKLOADS.filter((workload) => workload.name.includes(values.only)),
      backends: BACKENDS.filter(({ name }) => names.includes(name)),
    }
  } catch (error) {
    print(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    return undefined
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`Cannot read a count: ${text}, a whole number over 0 wanted`)
}

function isToolMissing(): boolean {
  const tools = ['wrk', 'nginx'].filter((name) => findProgram(name) === undefined)
  if (tools.length === 0) return false
  print(`Cannot run the HTTP benchmark: ${tools.join(' and ')} missing, apt-get install it\n`)
  return true
}

/** The servers' own words outlive the run: they tell why a row is invalid. Replaces those of the run before. */
function keepLogs(folder: string): void {
  const logs = join(RESULTS_FOLDER, 'logs')
  rmSync(logs, { recursive: true, force: true })
  mkdirSync(logs, { recursive: true })
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    copyFileSync(join(folder, name), join(logs, name))
  }
}

function print(text: string): void {
  process.stdout.write(text)
}
