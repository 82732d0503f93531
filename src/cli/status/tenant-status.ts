/** One tenant's status out of what its workers have told. */
import { mergePoolStatus } from '../../gateway/status/merge.ts'
import type { PoolStatus } from '../../gateway/status/pool-status.ts'
import { readStatus } from '../../gateway/status/read-status.ts'
import type { TenantStatuses } from '../../master/server-status.ts'
import { NO_WAITS } from '../../pool/wait-histogram.ts'

export interface TenantStatus {
  readonly tenant: string
  readonly pool: string
  /** Over all workers that have answered; undefined: none has. */
  readonly status: PoolStatus | undefined
}

export function tenantStatus({ tenant, pool, statuses }: TenantStatuses): TenantStatus {
  const like = emptyStatus(tenant)
  const found = statuses.map((text) => readStatus(text, like)).filter((one) => one !== undefined)
  const [first, ...others] = found
  const status = first === undefined ? undefined : mergePoolStatus(first, ...others)
  return { tenant, pool, status }
}

/** What a status looks like: workers run strangers' programs, and one may say anything. */
function emptyStatus(pool: string): PoolStatus {
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
      instancesCreated: 0,
      resets: 0,
      refused: 0,
      traps: {},
      kills: {},
      queueWait: NO_WAITS,
    },
    processes: [],
  }
}
