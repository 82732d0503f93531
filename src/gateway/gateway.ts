/** What every request of a worker shares. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import type { AccessLog } from './access-log.ts'
import type { Router } from './router.ts'

export interface Gateway {
  readonly router: Router
  readonly scheduler: Scheduler
  readonly accessLog: AccessLog | undefined
  readonly logger: Logger
  readonly clock: Clock
  /** A new request id: visible ASCII, unique among all workers. */
  readonly nextRequestId: () => string
}
