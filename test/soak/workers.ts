/** Kills workers and watches them come back; their processes' memory. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { SoakServer } from './server.ts'

/** Sockets a worker has besides its connections and its standard streams: the listening one and the channel to the master. */
const OWN_SOCKETS = 2
const LAST_STANDARD_FD = 2
const LOOK_MS = 10
/** Longer than the longest pause before a worker that crashed again and again is replaced, half a minute. */
const BACK_TIMEOUT_MS = 45_000

/** The death of one worker. */
export interface Kill {
  readonly pid: number
  /** Just before the signal, and when the process was seen to be gone. */
  readonly fromMs: number
  readonly toMs: number
  /** Connections that it had then, idle ones included. */
  readonly connections: number
  /** From its death until its successor accepted. */
  readonly backMs: number
}

/**
 * Stops the worker, counts its connections while it cannot take more, and kills it. Resolves when its successor accepts, at once
 * when it was about to end anyway; rejects when none does in time. Undefined: it was gone before.
 */
export async function killWorker(server: SoakServer, pid: number): Promise<Kill | undefined> {
  const before = readyWorkers(server).filter((other) => other !== pid)
  // After `before`: one that begins to leave only now has a successor that is not among them.
  const isLeaving = (await server.leavingPids()).includes(pid)
  if (stateOf(pid) === undefined) return undefined
  process.kill(pid, 'SIGSTOP')
  const fromMs = performance.now()
  const connections = Math.max(0, socketsOf(pid) - OWN_SOCKETS)
  process.kill(pid, 'SIGKILL')
  // Not before all its threads are gone are its sockets closed, and its parent told.
  while (existsSync(`/proc/${pid}`)) await delay(1)
  const toMs = performance.now()
  while (!isLeaving && readyWorkers(server).every((other) => before.includes(other))) {
    if (performance.now() - toMs > BACK_TIMEOUT_MS)
      throw new Error(`worker ${pid} has no successor`)
    await delay(LOOK_MS)
  }
  return { pid, fromMs, toMs, connections, backMs: performance.now() - toMs }
}

/** Those that the log calls ready and that are still there, oldest first; old ones may be about to end. */
export function readyWorkers(server: SoakServer): number[] {
  const alive = new Set(server.workerPids())
  const said = server.log().matchAll(/"pid":(\d+)[^\n]*"msg":"worker is ready"/g)
  const ready = new Set([...said].map(([, pid]) => Number(pid)))
  return [...ready].filter((pid) => alive.has(pid) && stateOf(pid) !== undefined)
}

/** How long workers took until they were ready, in milliseconds, as the log says. */
export function startTimes(server: SoakServer): number[] {
  const lines = server.log().matchAll(/"startMs":(\d+)[^\n]*"msg":"worker is ready"/g)
  return [...lines].map(([, ms]) => Number(ms))
}

/** Resident memory of a process in MiB; 0 when it is gone. */
export function rssMib(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** As /proc says it: R, S, T ...; undefined: it is dead. */
function stateOf(pid: number): string | undefined {
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    return state === 'Z' || state === 'X' ? undefined : state
  } catch {
    return undefined
  }
}

function socketsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    if (Number(fd) <= LAST_STANDARD_FD) return false
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}
