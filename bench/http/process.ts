/** A server started for a benchmark: its own process group, its output in a file, stopped by pid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { makeCpuGroup, removeCpuGroup } from './cpu-group.ts'

const STOP_GRACE_MS = 3_000
const POLL_MS = 20
/** Goes into the group that it is given, and becomes the program behind it. */
const JOIN = 'echo $$ > "$0/cgroup.procs"; exec "$@"'
const LOG_TAIL_CHARACTERS = 1_500

export interface ServerCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Where stdout and stderr go. */
  readonly logFile: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Server {
  readonly name: string
  readonly pid: number
  /** Resolves once something accepts on the unix socket or `HOST:PORT`; rejects if the process ends first. */
  ready(address: string, timeoutMs?: number): Promise<void>
  /** Ends the process and its children: SIGTERM, then SIGKILL. Idempotent. */
  stop(): Promise<void>
}

/** Starts a server as the leader of a process group of its own. */
export function startServer({ name, command, args, logFile, env = {} }: ServerCommand): Server {
  const log = openSync(logFile, 'a')
  const group = makeCpuGroup()
  const [program, given] =
    group === undefined ? [command, args] : ['sh', ['-c', JOIN, group, command, ...args]]
  const child = spawn(program, [...given], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
  })
  closeSync(log)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`Cannot start ${name}: ${command} did not run`)
  // The last resort, should this process end before it could stop its servers.
  const killNow = () => signal(-pid, 'SIGKILL')
  process.once('exit', killNow)
  return {
    name,
    pid,
    ready: (address, timeoutMs = 15_000) => {
      const failed = ended.then((how) => {
        throw new Error(`Cannot start ${name}: ended with ${how}\n${logTail(logFile)}`)
      })
      return Promise.race([failed, accepting(address, timeoutMs, name)])
    },
    stop: async () => {
      await stopGroup(pid, child, ended)
      process.removeListener('exit', killNow)
      if (group !== undefined) removeCpuGroup(group)
    },
  }
}

/** Runs a program to its end and returns what it printed on both streams; '' if it is missing or fails. */
export function outputOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync('sh', ['-c', '"$0" "$@" 2>&1', command, ...args], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

/** The full path of a program, looked up in PATH and the sbin folders; undefined if missing. */
export function findProgram(...names: readonly string[]): string | undefined {
  const { PATH = '' } = process.env
  for (const name of names) {
    const found = outputOf('env', [
      `PATH=${PATH}:/usr/sbin:/sbin`,
      'sh',
      '-c',
      `command -v ${name}`,
    ]).trim()
    if (found !== '') return found
  }
  return undefined
}

async function stopGroup(pid: number, child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    signal(pid, 'SIGTERM')
    const grace = new AbortController()
    await Promise.race([
      ended,
      delay(STOP_GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined),
    ])
    grace.abort()
  }
  // The leader may be gone while children of its group are not.
  signal(-pid, 'SIGKILL')
  await ended
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // Already gone.
  }
}

async function accepting(address: string, timeoutMs: number, name: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += POLL_MS) {
    if (await canConnect(address)) return
    await delay(POLL_MS)
  }
  throw new Error(`Cannot start ${name}: nothing accepts on ${address} after ${timeoutMs} ms`)
}

function canConnect(address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve) => {
    const socket = address.startsWith('/') ? connect(address) : connect(Number(port), host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function logTail(logFile: string): string {
  return readFileSync(logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS)
}
