/** What a soak found, the promises it is held to, and both as text. */
import { formatTable } from '../../bench/http/table.ts'
import { percentile } from '../../bench/speed/open-loop.ts'
import type { Failure, LoopFigures } from './loops.ts'
import type { MemoryTrace } from './memory-trace.ts'
import { WORKERS } from './server.ts'
import type { Kill } from './workers.ts'

export interface SoakResult {
  readonly seconds: number
  readonly peers: ReadonlyArray<
    LoopFigures & { readonly name: string; readonly lost: number; readonly logTail: string }
  >
  /** How long the slowest of the first workers took until it was ready, under no load. */
  readonly firstStartMs: number
  readonly reloads: number
  readonly restarts: number
  readonly kills: ReadonlyArray<Kill & { readonly failures: readonly Failure[] }>
  /** Failures that no death of a worker accounts for. */
  readonly lost: readonly Failure[]
  /** Hostile requests by guest and what came of them. */
  readonly hogs: ReadonlyArray<readonly [end: string, count: number]>
  readonly memory: readonly MemoryTrace[]
}

interface Promised {
  readonly what: string
  readonly isKept: boolean
}

/** How much a process may hold more at the end than at the start, whatever it holds. */
const GROWTH_MIB = 48
const GROWTH = 1.25
/** A worker is back within this; on a machine that is busy with other things, within one and a half times what the first ones took. */
const BACK_MS = 600
const TIMES_FIRST_START = 1.5
const SHOWN_FAILURES = 20

export function promisesOf(result: SoakResult): readonly Promised[] {
  const { peers, lost, kills, hogs, memory, firstStartMs } = result
  const backMs = Math.max(BACK_MS, firstStartMs * TIMES_FIRST_START)
  const slowest = Math.max(0, ...kills.map(({ backMs }) => backMs))
  const hung = hogs.filter(([end]) => end.endsWith(' hung'))
  return [
    {
      what: 'every web server was answered',
      isKept: peers.length > 0 && peers.every(({ answered }) => answered > 0),
    },
    {
      what: `every request was answered but those of killed workers (${lost.length} others were lost)`,
      isKept: lost.length === 0,
    },
    {
      what: `a killed worker is replaced in ${backMs.toFixed(0)} ms (the slowest took ${slowest.toFixed(0)} ms)`,
      isKept: slowest <= backMs,
    },
    { what: 'every hostile request was ended', isKept: hung.length === 0 },
    {
      what: `no process grows by more than ${GROWTH_MIB} MiB or ${Math.round((GROWTH - 1) * 100)} %`,
      isKept:
        memory.length === WORKERS + 1 &&
        memory.every(
          ({ startMib, endMib }) => endMib <= Math.max(startMib + GROWTH_MIB, startMib * GROWTH),
        ),
    },
  ]
}

/** The result with latencies as figures, and its promises: what a file is to keep. */
export function summaryOf(result: SoakResult): object {
  const peers = result.peers.map(({ latenciesMs, ...peer }) => ({
    ...peer,
    latencyMs: latencyOf(latenciesMs),
  }))
  return { ...result, peers, promises: promisesOf(result) }
}

function latencyOf(latenciesMs: readonly number[]) {
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(sorted, share))
  return { p50, p99, worst }
}

export function reportText(result: SoakResult): string {
  const { peers, seconds, reloads, restarts, kills, hogs, memory, lost } = result
  const head = [
    'web server',
    'sent',
    'answered',
    'in killed worker',
    'FAILED',
    'p50 ms',
    'p99 ms',
    'worst ms',
  ]
  const rows = peers.map(({ name, sent, answered, failures, lost: own, latenciesMs }) => {
    const { p50 = 0, p99 = 0, worst = 0 } = latencyOf(latenciesMs)
    return [
      name,
      String(sent),
      String(answered),
      String(failures.length - own),
      String(own),
      ...[p50, p99, worst].map((ms) => ms.toFixed(1)),
    ]
  })
  return [
    `${seconds} s, ${reloads} reloads, ${restarts} rolling restarts, ${kills.length} workers killed; latencies are those of hello`,
    formatTable([head, ...rows]),
    ...kills.map(
      ({ pid, connections, backMs, failures }) =>
        `killed worker ${pid}: it had ${connections} connections, ${failures.length} requests failed, replaced after ${backMs.toFixed(0)} ms`,
    ),
    `hostile guests: ${hogs.map(([end, count]) => `${count} x ${end}`).join(', ')}`,
    ...memory.map(
      ({ process, pid, startMib, endMib }) =>
        `${process} ${pid}: RSS ${startMib.toFixed(0)} MiB after the warm-up, ${endMib.toFixed(0)} MiB at the end`,
    ),
    ...lost
      .slice(0, SHOWN_FAILURES)
      .map(
        ({ peer, kind, what, sentMs, endedMs }) =>
          `FAILED: ${kind} through ${peer}: ${what} after ${(endedMs - sentMs).toFixed(0)} ms, sent at ${sentMs.toFixed(0)} ms`,
      ),
    ...promisesOf(result).map(({ what, isKept }) => `${isKept ? 'kept' : 'BROKEN'}  ${what}`),
  ].join('\n')
}
