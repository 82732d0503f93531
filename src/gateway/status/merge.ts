/** One tenant's status out of what each of its workers knows. */

import { addWaits, NO_WAITS } from '../../pool/wait-histogram.ts'
import type { OwnStatus, PoolStatus } from './pool-status.ts'

/**
 * Adds up. Limits that hold for the tenant as a whole (`listenQueueLength`, `own.maxChildren`) are added too, so each
 * worker must give its share. The two highest-ever counts are upper bounds: workers reach theirs at different times.
 */
export function mergePoolStatus(first: PoolStatus, ...others: readonly PoolStatus[]): PoolStatus {
  if (others.length === 0) return first
  const processes = [first, ...others].flatMap((one) => one.processes)
  return { ...others.reduce(addStatus, first), processes }
}

function addStatus(left: PoolStatus, right: PoolStatus): PoolStatus {
  return {
    pool: left.pool,
    processManager: left.processManager,
    startEpochMs: Math.min(left.startEpochMs, right.startEpochMs),
    nowEpochMs: Math.max(left.nowEpochMs, right.nowEpochMs),
    acceptedConnections: left.acceptedConnections + right.acceptedConnections,
    listenQueue: left.listenQueue + right.listenQueue,
    maxListenQueue: left.maxListenQueue + right.maxListenQueue,
    listenQueueLength: left.listenQueueLength + right.listenQueueLength,
    idleProcesses: left.idleProcesses + right.idleProcesses,
    activeProcesses: left.activeProcesses + right.activeProcesses,
    maxActiveProcesses: left.maxActiveProcesses + right.maxActiveProcesses,
    maxChildrenReached: left.maxChildrenReached + right.maxChildrenReached,
    slowRequests: left.slowRequests + right.slowRequests,
    memoryPeakBytes: Math.max(left.memoryPeakBytes, right.memoryPeakBytes),
    own: addOwn(left.own, right.own),
    processes: [],
  }
}

function addOwn(left: OwnStatus, right: OwnStatus): OwnStatus {
  return {
    workerPool: left.workerPool,
    workers: left.workers + right.workers,
    maxChildren: left.maxChildren + right.maxChildren,
    cpuMs: left.cpuMs + right.cpuMs,
    memoryBytes: left.memoryBytes + right.memoryBytes,
    receivedBytes: left.receivedBytes + right.receivedBytes,
    sentBytes: left.sentBytes + right.sentBytes,
    instancesCreated: left.instancesCreated + right.instancesCreated,
    resets: left.resets + right.resets,
    refused: left.refused + right.refused,
    traps: addCounts(left.traps, right.traps),
    kills: addCounts(left.kills, right.kills),
    droppedLogLines: left.droppedLogLines + right.droppedLogLines,
    // There is one server.
    serverDroppedLogLines: left.serverDroppedLogLines,
    outboundOpen: left.outboundOpen + right.outboundOpen,
    outboundConnections: left.outboundConnections + right.outboundConnections,
    outboundSentBytes: left.outboundSentBytes + right.outboundSentBytes,
    outboundReceivedBytes: left.outboundReceivedBytes + right.outboundReceivedBytes,
    outboundFailures: addCounts(left.outboundFailures, right.outboundFailures),
    queueWait: addWaits(left.queueWait, right.queueWait),
  }
}

function addCounts(
  left: Readonly<Record<string, number>>,
  right: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  if (Object.keys(right).length === 0) return left
  const sum = new Map(Object.entries(left))
  for (const [name, count] of Object.entries(right)) sum.set(name, (sum.get(name) ?? 0) + count)
  return Object.fromEntries(sum)
}

/** What a status looks like: workers run strangers' programs, and one may say anything. It is the sum of none, but for when it began. */
export function emptyStatus(pool: string): PoolStatus {
  return {
    pool,
    processManager: 'ondemand',
    startEpochMs: 0,
    nowEpochMs: 0,
    acceptedConnections: 0,
    listenQueue: 0,
    maxListenQueue: 0,
    listenQueueLength: 0,
    idleProcesses: 0,
    activeProcesses: 0,
    maxActiveProcesses: 0,
    maxChildrenReached: 0,
    slowRequests: 0,
    memoryPeakBytes: 0,
    own: {
      workerPool: '',
      workers: 1,
      maxChildren: 0,
      cpuMs: 0,
      memoryBytes: 0,
      receivedBytes: 0,
      sentBytes: 0,
      instancesCreated: 0,
      resets: 0,
      refused: 0,
      droppedLogLines: 0,
      serverDroppedLogLines: {},
      outboundOpen: 0,
      outboundConnections: 0,
      outboundSentBytes: 0,
      outboundReceivedBytes: 0,
      outboundFailures: {},
      traps: {},
      kills: {},
      queueWait: NO_WAITS,
    },
    processes: [],
  }
}
