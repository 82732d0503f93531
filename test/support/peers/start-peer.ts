/** Starts a real web server in front of a FastCGI server, on a loopback port and in a folder of its own. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apache } from './apache.ts'
import { caddy } from './caddy.ts'
import { Child, freePort } from './child.ts'
import { h2o } from './h2o.ts'
import { haproxy } from './haproxy.ts'
import { lighttpd } from './lighttpd.ts'
import { nginx } from './nginx.ts'
import type { PeerContext, PeerDefinition, PeerName, PeerOptions } from './peer.ts'

const DEFINITIONS: Readonly<Record<PeerName, PeerDefinition>> = {
  nginx,
  apache,
  lighttpd,
  caddy,
  haproxy,
  h2o,
}

/** Web servers live in sbin, which is not in everybody's PATH. */
const FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/sbin']

/** The user the servers' workers run as when the tests run as root. */
export const SERVER_USER = process.getuid?.() === 0 ? 'www-data' : undefined

export interface Peer {
  readonly name: PeerName
  /** Serves HTTP on 127.0.0.1. */
  readonly port: number
  /** What it has written to its output and its error log so far. */
  logs(): string
  /** Ends it and removes its folder. Idempotent. */
  stop(): Promise<void>
}

/** The full path of `program`; undefined when it is not installed. */
export function findProgram(program: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

/**
 * Whether `program` is there. When it is not: in CI this throws, elsewhere it says so and answers false, and the caller skips its tests,
 * which are those of `name`.
 */
export function hasProgram(program: string, name = program): boolean {
  if (findProgram(program) !== undefined) return true
  const { CI } = process.env
  if (CI) throw new Error(`Cannot test with ${name}: ${program} is not installed`)
  process.stderr.write(`${name} is not installed: its tests are skipped\n`)
  return false
}

export function isInstalled(name: PeerName): boolean {
  return hasProgram(DEFINITIONS[name].binary, name)
}

/** Starts `name` and resolves when it accepts connections. */
export async function startPeer(name: PeerName, options: PeerOptions): Promise<Peer> {
  const definition = DEFINITIONS[name]
  const program = findProgram(definition.binary)
  if (program === undefined) throw new Error(`Cannot start ${name}: it is not installed`)
  const directory = mkdtempSync(join(tmpdir(), `wasm-fpm-${name}-`))
  chmodSync(directory, 0o777)
  const context: PeerContext = { ...options, directory, port: await freePort(), user: SERVER_USER }
  for (const [file, text] of Object.entries(definition.configuration(context))) {
    writeFileSync(join(directory, file), text)
  }
  const child = new Child(program, definition.args(context), {
    directory,
    env: { HOME: directory },
  })
  const stop = async (): Promise<void> => {
    await child.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await child.accepting({ host: '127.0.0.1', tcpPort: context.port })
  } catch (error) {
    await stop()
    throw error
  }
  const errorLog = join(directory, 'error.log')
  return {
    name,
    port: context.port,
    logs: () => child.output() + (existsSync(errorLog) ? readFileSync(errorLog, 'utf8') : ''),
    stop,
  }
}
