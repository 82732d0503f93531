/** Work for a tenant besides its requests: it takes turns with them, is on its bill, and counts among its processor time. */
import type { FaultConduct } from '../guest/fault-conduct.ts'
import { Bill } from './bill.ts'
import type { PoolTenant } from './pool-tenant.ts'
import type { RunQueue } from './run-queue.ts'

export class Work extends Bill {
  readonly #state: PoolTenant

  constructor(queue: RunQueue, state: PoolTenant, sliceMs: number) {
    super(queue, state.account, sliceMs)
    this.#state = state
  }

  get faults(): FaultConduct {
    return this.#state.faults
  }

  /** `cpuMs`, here and below: what it has used so far. */
  waitTurn(wake: () => void, cpuMs: number): void {
    this.settle(cpuMs)
    this.hasUsedSlice = cpuMs > 0
    this.joinQueue(wake)
  }

  onWait(cpuMs: number): void {
    this.settle(cpuMs)
  }

  ended(cpuMs: number): void {
    this.settle(cpuMs)
    this.#state.countWork(cpuMs)
  }
}
