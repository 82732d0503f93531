/** What the runner of a guest asks of the pool, and the way to stop the guest, before it runs too: then it does not. */
import type { Instance } from '../guest/engine.ts'
import type { FaultConduct } from '../guest/fault-conduct.ts'
import type { GuestJob, GuestReport } from '../guest/instance.ts'
import type { KillReason } from '../guest/outcome.ts'
import type { Bill } from './bill.ts'
import type { PoolJob } from './pool-job.ts'

export interface HeldRunParts {
  readonly instance: Instance
  readonly job: PoolJob
  readonly bill: Bill
  /** Of the tenant. */
  readonly faults: FaultConduct
}

export class HeldRun implements GuestJob {
  readonly grants: GuestJob['grants']
  readonly cpuMs: number
  readonly wallMs: number
  readonly sliceMs: number
  readonly faults: FaultConduct
  readonly #instance: Instance
  readonly #job: PoolJob
  readonly #bill: Bill
  #isRunning = false
  #reason: KillReason | undefined

  constructor({ instance, job, bill, faults }: HeldRunParts) {
    this.grants = job.grants
    this.cpuMs = job.cpuMs
    this.wallMs = job.wallMs
    this.sliceMs = job.sliceMs
    this.faults = faults
    this.#instance = instance
    this.#job = job
    this.#bill = bill
  }

  start(): Promise<GuestReport> {
    const reason = this.#reason
    if (reason !== undefined) {
      const outcome = { kind: 'killed', reason } as const
      return Promise.resolve({ outcome, cpuMs: 0, memoryBytes: 0 })
    }
    this.#isRunning = true
    return this.#instance.run(this)
  }

  stop(reason: KillReason): void {
    this.#reason ??= reason
    if (this.#isRunning) this.#instance.kill(reason)
  }

  readonly waitTurn = (wake: () => void, cpuMs: number): void => {
    this.#job.onSliceOver?.(cpuMs)
    this.#bill.settle(cpuMs)
    this.#bill.waitTurn(wake)
  }

  takeTurn(wake: () => void): void {
    this.#bill.takeTurn(wake)
  }

  onWait(cpuMs: number): void {
    this.#bill.settle(cpuMs)
    this.#job.onWait(cpuMs)
  }
}
