/**
 * What one request costs its tenant of the thread, told to the run queue as it comes up: slices at their ends, the rest when
 * the guest has ended. Turns are paid for in advance, so that those who wait are put in order before anybody has run.
 */
import type { RunQueue } from './run-queue.ts'

export class Bill {
  readonly #queue: RunQueue
  readonly #tenant: string
  #chargedMs = 0

  constructor(queue: RunQueue, tenant: string) {
    this.#queue = queue
    this.#tenant = tenant
  }

  /** `costMs`: what the turn is likely to cost; default: a slice. */
  waitTurn(wake: () => void, costMs?: number): void {
    const paid = (paidMs: number): void => {
      this.#chargedMs += paidMs
      wake()
    }
    this.#queue.join(this.#tenant, paid, costMs)
  }

  /** What the guest waited for has come: it goes on now, or when it is its turn. */
  takeTurn(wake: () => void): void {
    if (this.#queue.mayRun(this.#tenant)) wake()
    else this.waitTurn(wake)
  }

  /** The guest has given up the thread, for a while or for good; `cpuMs`: what it has used so far. */
  settle(cpuMs: number): void {
    const owedMs = cpuMs - this.#chargedMs
    this.#chargedMs = cpuMs
    this.#queue.charge(this.#tenant, owedMs)
  }
}
