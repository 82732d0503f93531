/** What every request of a worker shares. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Readiness } from '../base/readiness.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import type { AccessLog } from './access-log.ts'
import type { Router } from './router.ts'
import type { SlowLog } from './slow-log.ts'
import type { PoolStatus } from './status/pool-status.ts'
import type { Tenant } from './tenant.ts'

export interface Gateway {
  readonly router: Router
  readonly scheduler: Scheduler
  readonly logger: Logger
  /** For requests whose tenant is not known; undefined: they leave no line. */
  readonly accessLog: AccessLog | undefined
  readonly clock: Clock
  /** A new request id: visible ASCII, unique among all workers. */
  readonly nextRequestId: () => string
  /** Called when a request is over. */
  readonly onEnded?: (() => void) | undefined
  /** What of a tenant's requests is slow; undefined: none is. */
  readonly slowLog: (tenant: Tenant) => SlowLog | undefined
  /** What a tenant's status page shows. */
  readonly poolStatus: (tenant: Tenant) => Promise<PoolStatus>
  /** By pool: where the status of all its tenants together is. Pools that have no such page are not in it. */
  readonly statusPaths: ReadonlyMap<string, string>
  /** What that page shows. */
  readonly wholeStatus: (pool: string) => Promise<PoolStatus>
  /** Whether the machine is to get requests. */
  readonly readiness: () => Readiness
  /** Resolves when each runtime has been booted, or cannot be, or takes too long to wait for. */
  readonly booted: Promise<void>
}
