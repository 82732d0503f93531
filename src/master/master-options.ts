/** What a master is made of. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Predecessor } from './predecessor.ts'
import type { Notifier } from './sd-notify.ts'
import type { FrontPlace } from './sockets.ts'
import type { WorkerLimits } from './worker-process.ts'

export interface MasterOptions {
  readonly configFile: string
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: WorkerLimits
  /** What takes workers' lines; undefined: they go where the master's standard error goes. */
  readonly errorLog: WorkerLog | undefined
  /** Lines that the master's logs have dropped. */
  readonly droppedLines: () => number
  readonly notifier: Notifier
  /** Where to serve HTTP besides; undefined: nowhere. */
  readonly http: FrontPlace | undefined
  /** The master that this one follows, and what is to be done when everything is this one's. */
  readonly predecessor?: Predecessor | undefined
  readonly onTakeOver?: () => Promise<void>
}

export interface WorkerLog {
  /** Takes bytes of `writer`'s standard error. */
  write(writer: object, chunk: Buffer): void
  /** Opens its file anew, after somebody has moved it away. */
  reopen(): void
}
