/** What a run of a guest is given, and how it ends. */
import type { WasiGrants } from '../wasi/session.ts'
import type { FaultConduct } from './fault-conduct.ts'
import type { Outcome } from './outcome.ts'

export interface GuestJob {
  readonly grants: WasiGrants
  /** CPU time the run may use, in milliseconds. */
  readonly cpuMs: number
  /** Wall-clock time from the start to the end of the run, in milliseconds. */
  readonly wallMs: number
  /** How long the guest may hold the thread while others want it, in milliseconds. */
  readonly sliceMs: number
  /** Whether it may be started over, from the instance's first state, as long as it has done nothing that cannot be undone. Default: no. */
  readonly mayStartOver?: boolean
  /** Of whoever the run is for. */
  readonly faults: FaultConduct
  /** Calls `wake` when it is the guest's turn again. `cpuMs`: what the run has used so far. */
  readonly waitTurn: (wake: () => void, cpuMs: number) => void
  /** Calls `wake` when it is the guest's turn, which may be now: what it waited for has come. */
  readonly takeTurn: (wake: () => void) => void
  /** Called whenever the guest starts to wait for something else than its turn, before anybody else runs. */
  readonly onWait: (cpuMs: number) => void
}

export interface GuestReport {
  readonly outcome: Outcome
  /** Processor time the guest used, in milliseconds. */
  readonly cpuMs: number
  /** Bytes of linear memory at the end, all memories together. */
  readonly memoryBytes: number
}

/** Who is told how a run has ended, once, and never before `start` has returned. */
export interface RunEnd {
  settled(report: GuestReport): void
  /** What runs it is broken. */
  broke(error: unknown): void
}
