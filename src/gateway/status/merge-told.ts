/** One tenant's status out of what its workers have told, unread so far. */
import { NO_WAITS } from '../../pool/wait-histogram.ts'
import { mergePoolStatus } from './merge.ts'
import type { PoolStatus } from './pool-status.ts'
import { readStatus } from './read-status.ts'

/** `texts`: JSON, one for each worker that has answered. Undefined: none has said anything that is a status of `tenant`. */
export function mergeTold(tenant: string, texts: readonly string[]): PoolStatus | undefined {
  const like = emptyStatus(tenant)
  const told = texts.map((text) => readStatus(text, like)).filter((one) => one !== undefined)
  const [first, ...others] = told
  return first === undefined ? undefined : mergePoolStatus(first, ...others)
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
