/** A wasm-fpm of its own for one measurement: a command started from source, with a configuration file and its processes' memory. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { processTree } from '../http/cpu-time.ts'
import { type Server, startServer } from '../http/process.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
export const POOL = 'speed'
/** How often a log is looked at, in milliseconds. */
const LOOK_MS = 5

export interface TenantOptions {
  readonly name: string
  readonly root: string
  /** Further lines of its table, without `[tenant.limits]`. */
  readonly keys?: readonly string[]
  /** Lines of its `[tenant.limits]`. */
  readonly limits?: readonly string[]
}

export interface WasmServerOptions {
  /** For its socket, configuration and log. */
  readonly folder: string
  readonly workers: number
  readonly tenants: readonly TenantOptions[]
  /** Further lines of the main table and of the pool's. */
  readonly mainKeys?: readonly string[]
  readonly poolKeys?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly startTimeoutMs?: number
}

export interface WasmServer {
  readonly server: Server
  readonly socket: string
  readonly logFile: string
  /** The process started and all below it. */
  pids(): readonly number[]
}

/** Starts it and waits until it accepts. */
export async function startWasmServer(options: WasmServerOptions): Promise<WasmServer> {
  const { folder, env = {}, startTimeoutMs = 60_000 } = options
  mkdirSync(folder, { recursive: true })
  const [socket, configFile, logFile] = ['speed.sock', 'wasm-fpm.toml', 'wasm-fpm.log'].map(
    (name) => join(folder, name),
  ) as [string, string, string]
  writeFileSync(configFile, configText(options, socket))
  const server = startServer({
    name: 'wasm-fpm',
    command: process.execPath,
    args: [MAIN, 'serve', '--config', configFile],
    logFile,
    env: { NODE_ENV: 'production', ...env },
  })
  await server.ready(socket, startTimeoutMs)
  return { server, socket, logFile, pids: () => processTree(server.pid) }
}

/** Resolves when `text` stands in the log behind byte `from`. */
export async function logged({ logFile }: WasmServer, text: string, from: number): Promise<void> {
  while (!readFileSync(logFile).subarray(from).includes(text)) await delay(LOOK_MS)
}

function configText(options: WasmServerOptions, socket: string): string {
  const { workers, tenants, mainKeys = [], poolKeys = [] } = options
  const pool = [
    '[[pool]]',
    `name = "${POOL}"`,
    `listen = ["${socket}"]`,
    `workers = ${workers}`,
    ...poolKeys,
  ]
  return [
    'process_control_timeout = "1s"',
    ...mainKeys,
    ...pool,
    ...tenants.flatMap(tenantLines),
    '',
  ].join('\n')
}

function tenantLines({ name, root, keys = [], limits = [] }: TenantOptions): string[] {
  return [
    '[[tenant]]',
    `name = "${name}"`,
    `pool = "${POOL}"`,
    `root = "${root}"`,
    ...keys,
    ...(limits.length === 0 ? [] : ['[tenant.limits]', ...limits]),
  ]
}

export interface MemoryUse {
  /** Resident, shared pages counted in every process. */
  readonly rssMib: number
  /** Resident, shared pages divided among those who share them. */
  readonly pssMib: number
  /** Of that, pages that belong to nobody else. */
  readonly privateMib: number
}

/** Added up over processes. */
export function memoryOf(pids: readonly number[]): MemoryUse {
  let [rssMib, pssMib, privateMib] = [0, 0, 0]
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const mib = (key: string): number =>
      Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024
    rssMib += mib('Rss')
    pssMib += mib('Pss')
    privateMib += mib('Private_Clean') + mib('Private_Dirty')
  }
  return { rssMib, pssMib, privateMib }
}
