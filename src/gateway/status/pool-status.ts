/**
 * What the status page of a tenant shows: php-fpm 8.4's fields, in which the tenant is the "pool" and its instances are
 * the "processes", and our own beside them. Plain data, so that workers can send it to each other.
 */
import type { WaitCounts } from '../../pool/wait-histogram.ts'

/** php-fpm's words for what a process does. An instance of ours is `Idle` or `Running`. */
export const INSTANCE_STATES = [
  'Creating',
  'Idle',
  'Reading headers',
  'Getting request information',
  'Running',
  'Ending',
  'Finishing',
] as const

export type InstanceState = (typeof INSTANCE_STATES)[number]

/** One instance. What it says of a request is about the one it runs, or about its last one while it is idle. */
export interface InstanceStatus {
  /** A number that no other instance of the machine has at this time: collectors tell processes apart by it. */
  readonly pid: number
  readonly state: InstanceState
  readonly startEpochMs: number
  /** Requests taken so far, the running one included. */
  readonly requests: number
  readonly requestDurationMs: number
  /** Empty: it has had no request. This and the next four as the request's variables have them, one char a byte. */
  readonly requestMethod: string
  /** With the query. */
  readonly requestUri: string
  readonly contentLength: number
  readonly user: string
  readonly script: string
  /** Per cent of one processor; shown only while idle. */
  readonly lastRequestCpuPercent: number
  /** Linear memory; shown only while idle. */
  readonly lastRequestMemoryBytes: number
}

/** Of one tenant, over all workers (`mergePoolStatus`) or of one. Counters count from the start of the server. */
export interface PoolStatus {
  /** The tenant's name. */
  readonly pool: string
  readonly processManager: 'static' | 'dynamic' | 'ondemand'
  readonly startEpochMs: number
  /** When this was taken. */
  readonly nowEpochMs: number
  /** Requests taken. */
  readonly acceptedConnections: number
  /** Requests that wait for an instance now, the most that ever did, and the most that may. */
  readonly listenQueue: number
  readonly maxListenQueue: number
  readonly listenQueueLength: number
  readonly idleProcesses: number
  readonly activeProcesses: number
  readonly maxActiveProcesses: number
  /** Times that a request had to wait or was refused because `max_children` were busy. */
  readonly maxChildrenReached: number
  readonly slowRequests: number
  /** The largest linear memory an instance has had. */
  readonly memoryPeakBytes: number
  readonly own: OwnStatus
  readonly processes: readonly InstanceStatus[]
}

/** What php-fpm does not have. */
export interface OwnStatus {
  /** The pool in our sense: the workers that serve the tenant. */
  readonly workerPool: string
  readonly workers: number
  readonly maxChildren: number
  /** Processor time of the tenant's guests. */
  readonly cpuMs: number
  /** Linear memory of all its instances now. */
  readonly memoryBytes: number
  /** As of `Traffic`. */
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly instancesCreated: number
  /** Instances put back to their snapshot. */
  readonly resets: number
  /** Requests answered 503: queue full, waited too long, or stopping. */
  readonly refused: number
  /** Guests that trapped, by kind (`TrapKind`). */
  readonly traps: Readonly<Record<string, number>>
  /** Guests that were stopped, by reason (`KillReason`). */
  readonly kills: Readonly<Record<string, number>>
  /** Lines of all logs of the workers that serve the tenant that were dropped, because a log did not take them. */
  readonly droppedLogLines: number
  /** The same of the processes that are no workers, by process; none: the master has not told. */
  readonly serverDroppedLogLines: Readonly<Record<string, number>>
  /** Connections that its guests have now, and have opened. */
  readonly outboundOpen: number
  readonly outboundConnections: number
  readonly outboundSentBytes: number
  readonly outboundReceivedBytes: number
  /** Those that were refused, failed or were ended by a limit, by kind (`OutboundCode`). */
  readonly outboundFailures: Readonly<Record<string, number>>
  /** How long requests waited for an instance. */
  readonly queueWait: WaitCounts
}
