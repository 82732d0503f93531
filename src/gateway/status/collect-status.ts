/** The status of one tenant, or of all, as this worker knows it: of limits, its share. */
import type { Clock } from '../../base/clock.ts'
import type { OutboundAccount } from '../../outbound/outbound-account.ts'
import type { PooledInstance } from '../../pool/pooled-instance.ts'
import type { Scheduler } from '../../pool/scheduler.ts'
import { NO_WAITS } from '../../pool/wait-histogram.ts'
import type { Tenant } from '../tenant.ts'
import { emptyStatus, mergePoolStatus } from './merge.ts'
import type { InstanceStatus, PoolStatus } from './pool-status.ts'

/** Instance numbers of different workers must differ: a worker's pid and this many numbers. */
const NUMBERS_PER_WORKER = 100_000

export interface CollectOptions {
  readonly clock: Clock
  /** When the server started, in milliseconds since 1970. */
  readonly startEpochMs: number
  readonly droppedLogLines: number
  /** Undefined: its guests may not connect to anything. */
  readonly outbound: OutboundAccount | undefined
  /** Default: the tenant's. */
  readonly instances?: readonly PooledInstance[]
}

export function collectPoolStatus(
  { config, slots: limits, traffic }: Tenant,
  scheduler: Scheduler,
  options: CollectOptions,
): PoolStatus {
  const { clock, startEpochMs, droppedLogLines, outbound } = options
  const nowMs = clock.nowMs()
  const nowEpochMs = Number(clock.realtimeNs() / 1_000_000n)
  const state = scheduler.tenants.get(config.name)
  const instances = options.instances ?? scheduler.instancesOf(config.name)
  const active = instances.filter(({ isRunning }) => isRunning).length
  const { counters } = state ?? {}
  return {
    pool: config.name,
    processManager: config.pm,
    startEpochMs,
    nowEpochMs,
    acceptedConnections: counters?.requests ?? 0,
    listenQueue: state?.waiting ?? 0,
    maxListenQueue: counters?.maxWaiting ?? 0,
    listenQueueLength: limits.queueMax,
    idleProcesses: instances.length - active,
    activeProcesses: active,
    maxActiveProcesses: counters?.maxActive ?? 0,
    maxChildrenReached: counters?.maxChildrenReached ?? 0,
    slowRequests: counters?.slow ?? 0,
    memoryPeakBytes: counters?.memoryPeakBytes ?? 0,
    own: {
      workerPool: config.pool,
      workers: 1,
      maxChildren: limits.maxChildren,
      cpuMs: counters?.cpuMs ?? 0,
      memoryBytes: instances.reduce((sum, { instance }) => sum + instance.memoryBytes, 0),
      ...traffic,
      instancesCreated: counters?.instancesMade ?? 0,
      resets: counters?.resets ?? 0,
      refused: counters?.refused ?? 0,
      traps: countsOf(counters?.outcomes, 'trap:'),
      kills: countsOf(counters?.outcomes, 'killed:'),
      droppedLogLines,
      serverDroppedLogLines: {},
      outboundOpen: outbound?.open ?? 0,
      outboundConnections: outbound?.connections ?? 0,
      outboundSentBytes: outbound?.sentBytes ?? 0,
      outboundReceivedBytes: outbound?.receivedBytes ?? 0,
      outboundFailures: Object.fromEntries(outbound?.failures ?? []),
      queueWait: counters?.waits.snapshot() ?? NO_WAITS,
    },
    processes: instances.map((record) => instanceStatus(record, nowEpochMs - nowMs, nowMs)),
  }
}

export interface CollectWholeOptions extends Omit<CollectOptions, 'outbound' | 'instances'> {
  readonly tenants: readonly Tenant[]
  readonly outboundOf: (tenant: string) => OutboundAccount | undefined
}

/** Of all `tenants` of a pool together, which is what `pool` is then. */
export function collectWholeStatus(
  pool: string,
  scheduler: Scheduler,
  { tenants, outboundOf, ...options }: CollectWholeOptions,
): PoolStatus {
  // Once for all: there may be thousands of both.
  const instances = Map.groupBy(scheduler.instances, ({ place }) => place.owner.tenant)
  const all = tenants.map((tenant) => {
    const { name } = tenant.config
    const own = { outbound: outboundOf(name), instances: instances.get(name) ?? [] }
    return collectPoolStatus(tenant, scheduler, { ...options, ...own })
  })
  const sum = mergePoolStatus(emptyStatus(pool), ...all)
  const [manager = 'ondemand', ...others] = new Set(tenants.map(({ config }) => config.pm))
  const { startEpochMs, droppedLogLines } = options
  return {
    ...sum,
    processManager: others.length === 0 ? manager : 'dynamic',
    startEpochMs,
    own: { ...sum.own, workerPool: pool, workers: 1, droppedLogLines },
  }
}

function countsOf(
  outcomes: ReadonlyMap<string, number> | undefined,
  prefix: string,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [kind, count] of outcomes ?? []) {
    if (kind.startsWith(prefix)) counts[kind.slice(prefix.length)] = count
  }
  return counts
}

/** `epochMs`: what to add to the pool's clock to get milliseconds since 1970. */
function instanceStatus(
  { number, isRunning, madeMs, requests, startedMs, endedMs, subject, last }: PooledInstance,
  epochMs: number,
  nowMs: number,
): InstanceStatus {
  const durationMs = (isRunning ? nowMs : endedMs) - startedMs
  return {
    pid: process.pid * NUMBERS_PER_WORKER + (number % NUMBERS_PER_WORKER),
    state: isRunning ? 'Running' : 'Idle',
    startEpochMs: madeMs + epochMs,
    requests,
    requestDurationMs: durationMs,
    requestMethod: subject.method,
    requestUri: subject.uri,
    contentLength: subject.contentLength,
    user: subject.user,
    script: subject.script,
    lastRequestCpuPercent:
      isRunning || durationMs === 0 ? 0 : (100 * (last?.cpuMs ?? 0)) / durationMs,
    lastRequestMemoryBytes: isRunning ? 0 : (last?.memoryBytes ?? 0),
  }
}
