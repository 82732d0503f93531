/** What `wasm-fpm status` is told: the processes, and what they say of their tenants, unread. */
import { readFileSync } from 'node:fs'
import type { Readiness } from '../base/readiness.ts'
import type { FollowFacts } from '../ipc/follow-messages.ts'
import type { RuntimeFacts, ServerDroppedLines } from '../ipc/messages.ts'

export interface WorkerFacts {
  readonly pid: number
  readonly pool: string
  readonly state: 'starting' | 'ready' | 'draining' | 'gone'
  /** Whether a request that comes now has to wait for others there. */
  readonly isBusy: boolean
  /** Since it was ready; 0: it is not yet. */
  readonly uptimeMs: number
  /** Memory of the process; undefined where the system does not say. */
  readonly rssBytes: number | undefined
  readonly runtimes: readonly RuntimeFacts[]
}

export interface TenantStatuses {
  readonly tenant: string
  readonly pool: string
  /** `PoolStatus` as JSON, one for each worker that has answered. */
  readonly statuses: readonly string[]
}

export interface ServerStatus {
  readonly pid: number
  /** What the master is doing: `normal`, `reloading`, `finishing`, ... */
  readonly state: string
  /** Whether the machine is to get requests. */
  readonly readiness: Readiness
  readonly uptimeMs: number
  readonly rssBytes: number | undefined
  readonly droppedLogLines: ServerDroppedLines
  /** Undefined: no source is followed, or nothing is known of it yet. */
  readonly follow?: FollowFacts | undefined
  readonly workers: readonly WorkerFacts[]
  /** In the order of the configuration. */
  readonly tenants: readonly TenantStatuses[]
}

/** Linux; elsewhere undefined. */
export function processMemoryBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
  } catch {
    return undefined // it has ended, or there is no /proc
  }
}
