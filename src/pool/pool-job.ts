/** What a request asks of the pool, and what it gets. */
import type { Engine } from '../guest/engine.ts'
import type { GuestJob, GuestReport } from '../guest/instance.ts'
import type { GuestModule } from '../guest/module.ts'
import type { KillReason } from '../guest/outcome.ts'
import type { JobSubject } from './instance-record.ts'
import type { Sizing } from './sizing.ts'
import type { SlotLimits } from './slots.ts'

export interface PoolJob extends Omit<GuestJob, 'waitTurn' | 'takeTurn' | 'faults'> {
  readonly subject: JobSubject
  readonly tenant: string
  readonly limits: SlotLimits
  readonly sizing: Sizing
  /** Requests one instance may answer; 0: no limit. */
  readonly maxRequests: number
  readonly module: GuestModule
  /** Instances are kept for jobs with the same one, the same tenant, engine and module. Default: the empty one. */
  readonly place?: string
  /** What runs it; default: our own. */
  readonly engine?: Engine
  /** Registers what to do when the request is given up; a later call replaces the earlier one. */
  readonly onAbort: (giveUp: () => void) => void
  /** Called before the guest runs, with the way to stop it. */
  readonly onStart: (kill: (reason: KillReason) => void) => void
  /** Called on the guest's stack whenever its slice is over: a back trace taken there shows what it does. */
  readonly onSliceOver?: (cpuMs: number) => void
}

export interface PoolReport extends GuestReport {
  /** Milliseconds between asking for an instance and starting it. */
  readonly queuedMs: number
}
