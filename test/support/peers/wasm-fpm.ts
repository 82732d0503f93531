/** Starts `wasm-fpm serve` on a site, listening on a unix socket and a loopback port, and measures its memory. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { PROGRAM } from '../program.ts'
import { Child, freePort } from './child.ts'
import type { Backend } from './peer.ts'
import { SERVER_USER } from './start-peer.ts'

/** How long `logged` waits, in milliseconds, and the pause between two looks. */
const LOG_TIMEOUT_MS = 30_000
const LOOK_MS = 20

export interface WasmFpmOptions {
  /** The document root of both tenants. */
  readonly root: string
  /** More keys of the tenant `roomy`. */
  readonly keys?: string
  /** More of its limits. */
  readonly limits?: string
}

export interface WasmFpm {
  readonly unix: Backend
  readonly tcp: Backend
  readonly pid: number
  /** What it has logged so far. */
  logs(): string
  /** Resolves with the first log line after `from` (a length of `logs()`) that matches; rejects after some seconds. */
  logged(pattern: RegExp, from: number): Promise<string>
  /** The memory it and its workers hold now (resident set), in bytes. */
  memoryBytes(): number
  /** Ends it and removes its folder. Idempotent. */
  stop(): Promise<void>
}

/**
 * Starts it with one pool and two tenants: `roomy` for the local host, and `tight` for tight.example, which has
 * 1 s of wall time and 64 KiB of request body. Resolves when both sockets accept.
 */
export async function startWasmFpm({
  root,
  keys = '',
  limits = '',
}: WasmFpmOptions): Promise<WasmFpm> {
  const directory = mkdtempSync(join(tmpdir(), 'wasm-fpm-serve-'))
  chmodSync(directory, 0o755)
  const unix = { unix: join(directory, 'www.sock') }
  const tcp = { host: '127.0.0.1', tcpPort: await freePort() }
  const config = join(directory, 'wasm-fpm.toml')
  writeFileSync(
    config,
    `
[[pool]]
name = "www"
listen = ["${unix.unix}", "${tcp.host}:${tcp.tcpPort}"]
${SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"\nlisten_group = "${SERVER_USER}"`}
workers = 1

[[tenant]]
name = "roomy"
pool = "www"
hosts = ["localhost", "127.0.0.1"]
root = "${root}"
access_log = "stderr"
${keys}

[tenant.limits]
${limits}
wall = "60s"
request_body = "512MiB"
response_body = "512MiB"

[[tenant]]
name = "tight"
pool = "www"
hosts = ["tight.example"]
root = "${root}"
access_log = "stderr"

[tenant.limits]
wall = "1s"
request_body = "64KiB"
`,
  )
  const child = new Child(process.execPath, [...PROGRAM, 'serve', '--config', config], {
    directory,
  })
  const stop = async (): Promise<void> => {
    await child.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await child.accepting(unix)
    await child.accepting(tcp)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    unix,
    tcp,
    pid: child.pid,
    logs: () => child.output(),
    logged: (pattern, from) => logged(child, pattern, from),
    memoryBytes: () => memoryOf(child.pid),
    stop,
  }
}

async function logged(child: Child, pattern: RegExp, from: number): Promise<string> {
  const deadlineMs = performance.now() + LOG_TIMEOUT_MS
  for (;;) {
    const text = child.output().slice(from)
    const line = text.split('\n').find((candidate) => pattern.test(candidate))
    if (line !== undefined) return line
    if (performance.now() > deadlineMs) throw new Error(`No log line like ${pattern} in: ${text}`)
    await delay(LOOK_MS)
  }
}

/** The resident sets of `pid` and all its descendants, in bytes, from /proc. */
function memoryOf(pid: number): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const status = readStatus(Number(name))
    if (status !== undefined) parents.set(Number(name), field(status, 'PPid'))
  }
  const isOurs = (candidate: number): boolean => {
    const parent = parents.get(candidate)
    return candidate === pid || (parent !== undefined && parent !== 0 && isOurs(parent))
  }
  return [...parents.keys()]
    .filter(isOurs)
    .reduce((sum, id) => sum + field(readStatus(id) ?? '', 'VmRSS') * 1024, 0)
}

function readStatus(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined // it ended meanwhile
  }
}

function field(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}
