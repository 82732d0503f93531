/** Rounds over backends (A B C D, B C D A, ...) for one workload, and the row each backend gets. */

import { treeCpuUs } from './cpu-time.ts'
import { locationOf } from './nginx.ts'
import { median } from './statistics.ts'
import type { Workload } from './workload.ts'
import { runWrk, type WrkFigures } from './wrk.ts'

export interface Round {
  readonly requestsPerSecond: number
  /** Payload only, 10^6 bytes a second. 0 for workloads without a payload. */
  readonly megabytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of a request in the backend's processes, all their threads, in microseconds. */
  readonly cpuUs: number
  readonly requests: number
  /** Wrong statuses, socket errors, time-outs and short replies. */
  readonly failures: number
}

export interface Row {
  readonly workload: string
  readonly backend: string
  readonly rounds: readonly Round[]
  /** Medians over the rounds; null where nothing was measured. */
  readonly median: Omit<Round, 'requests' | 'failures'> | null
  readonly requests: number
  readonly failures: number
  /** False if any request failed or the backend could not be measured: its figures mean nothing. */
  readonly valid: boolean
  readonly reason?: string
}

export interface MeasureOptions {
  readonly origin: string
  /** By name, the processes whose time is the backend's. */
  readonly backends: ReadonlyMap<string, readonly number[]>
  readonly rounds: number
  readonly seconds: number
  /** Backends that have had a workload; added to. */
  readonly warm: Set<string>
}

/**
 * Servers run for months: one client for a second leaves code cold, and all but one worker without a request. V8 still compiles what
 * a request runs after 25,000 of them, so a backend is loaded for longer before its first workload.
 */
const [FIRST_WARM_UP_SECONDS, WARM_UP_SECONDS] = [12, 3]
const WARM_UP_CLIENTS = 16
const PROBE_TIMEOUT_MS = 10_000

/** Measures one workload on every backend; each round starts with another backend. */
export async function measure(workload: Workload, options: MeasureOptions): Promise<Row[]> {
  const { origin, rounds, seconds, warm } = options
  const backends = [...options.backends.keys()]
  const cpuUs = (backend: string): number =>
    (options.backends.get(backend) ?? []).reduce((sum, pid) => sum + treeCpuUs(pid), 0)
  const problems = new Map<string, string>()
  const results = new Map<string, Round[]>(backends.map((backend) => [backend, []]))
  const load = (backend: string, forSeconds: number, clients = workload.connections) =>
    runWrk({
      url: urlOf(origin, backend, workload),
      connections: clients,
      seconds: forSeconds,
      bodyBytes: workload.bodyBytes,
    })

  const replyBytes = new Map<string, number>()
  for (const backend of backends) {
    const reply = await probe(urlOf(origin, backend, workload), workload)
    if (typeof reply === 'string') problems.set(backend, reply)
    else {
      replyBytes.set(backend, reply.bodyBytes)
      const warmUpSeconds = warm.has(backend) ? WARM_UP_SECONDS : FIRST_WARM_UP_SECONDS
      await load(backend, warmUpSeconds, Math.max(WARM_UP_CLIENTS, workload.connections))
      warm.add(backend)
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < backends.length; turn++) {
      const backend = backends[(round + turn) % backends.length] ?? ''
      if (problems.has(backend)) continue
      try {
        const beforeUs = cpuUs(backend)
        const figures = await load(backend, seconds)
        const usedUs = cpuUs(backend) - beforeUs
        const reply = { bytes: replyBytes.get(backend) ?? 0, usedUs }
        results.get(backend)?.push(toRound(figures, workload, reply))
      } catch (error) {
        problems.set(backend, `no figures in round ${round + 1}: ${String(error)}`)
      }
    }
  }
  return backends.map((backend) =>
    toRow(workload, backend, results.get(backend) ?? [], problems.get(backend)),
  )
}

/** A row for a backend that could not be started. */
export function unmeasuredRow(workload: Workload, backend: string, reason: string): Row {
  return toRow(workload, backend, [], reason)
}

function urlOf(origin: string, backend: string, { mode, program, query }: Workload): string {
  return `${origin}${locationOf(backend, mode, program)}${query}`
}

/** One request, its reply compared with what the workload wants; the complaint as text if it differs. */
async function probe(url: string, workload: Workload): Promise<{ bodyBytes: number } | string> {
  const init: RequestInit = { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }
  if (workload.bodyBytes > 0) {
    init.method = 'POST'
    init.body = 'x'.repeat(workload.bodyBytes)
  }
  try {
    const response = await fetch(url, init)
    const body = Buffer.from(await response.arrayBuffer())
    // One character a byte: the streams are not text.
    const text = body.toString('latin1')
    if (response.status === 200 && workload.isRightReply(text)) return { bodyBytes: body.length }
    return `wrong reply: status ${response.status}, ${body.length} bytes: ${text.slice(0, 80).replace(/\s+/g, ' ')}`
  } catch (error) {
    return `no reply: ${String(error)}`
  }
}

function toRound(
  figures: WrkFigures,
  { payloadBytes }: Workload,
  reply: { readonly bytes: number; readonly usedUs: number },
): Round {
  const { requests, bytes, durationUs, badStatus, socketErrors, timeouts } = figures
  // wrk does not look at bodies, but it counts bytes: replies cut short show in the sum.
  const isShort = bytes < requests * reply.bytes
  const requestsPerSecond = (requests - badStatus) / (durationUs / 1e6)
  return {
    requestsPerSecond,
    megabytesPerSecond: (requestsPerSecond * payloadBytes) / 1e6,
    p50Ms: figures.p50Us / 1e3,
    p99Ms: figures.p99Us / 1e3,
    cpuUs: reply.usedUs / Math.max(1, requests),
    requests,
    failures: badStatus + socketErrors + timeouts + (isShort ? 1 : 0) + (requests === 0 ? 1 : 0),
  }
}

function toRow(
  workload: Workload,
  backend: string,
  rounds: readonly Round[],
  problem: string | undefined,
): Row {
  const failures = rounds.reduce((sum, round) => sum + round.failures, 0)
  const reason = problem ?? (failures > 0 ? `${failures} failed requests` : undefined)
  return {
    workload: workload.name,
    backend,
    rounds,
    median:
      rounds.length === 0
        ? null
        : {
            requestsPerSecond: median(rounds.map((round) => round.requestsPerSecond)),
            megabytesPerSecond: median(rounds.map((round) => round.megabytesPerSecond)),
            p50Ms: median(rounds.map((round) => round.p50Ms)),
            p99Ms: median(rounds.map((round) => round.p99Ms)),
            cpuUs: median(rounds.map((round) => round.cpuUs)),
          },
    requests: rounds.reduce((sum, round) => sum + round.requests, 0),
    failures,
    valid: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  }
}
