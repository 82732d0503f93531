/**
 * What one request costs its tenant of the thread, told to the run queue as it comes up: slices at their ends, the rest when
 * the guest has ended. Turns are paid for in advance, so that those who wait are put in order before anybody has run.
 */
import type { Account, RunQueue, Waiter } from './run-queue.ts'

export class Bill implements Waiter {
  /** What its next turn is likely to cost, in milliseconds. */
  costMs: number
  hasUsedSlice = false
  readonly #queue: RunQueue
  readonly #account: Account
  readonly #sliceMs: number
  #chargedMs = 0
  /** What is to be done when it has its turn. */
  #wake: (() => void) | undefined

  constructor(queue: RunQueue, account: Account, sliceMs: number) {
    this.#queue = queue
    this.#account = account
    this.#sliceMs = sliceMs
    this.costMs = sliceMs
  }

  /** Waits for a turn. `costMs`: what it is likely to cost; default: a slice. */
  joinQueue(wake: () => void, costMs: number = this.#sliceMs): void {
    this.costMs = costMs
    this.#wake = wake
    this.#queue.join(this.#account, this)
  }

  takeThread(paidMs: number): void {
    const wake = this.#wake
    this.#wake = undefined
    this.#chargedMs += paidMs
    wake?.()
  }

  /** What the guest waited for has come: it goes on now, or when it is its turn. */
  takeTurn(wake: () => void): void {
    if (this.#queue.mayRun(this.#account)) wake()
    else this.joinQueue(wake)
  }

  /** The guest has given up the thread, for a while or for good; `cpuMs`: what it has used so far. */
  settle(cpuMs: number): void {
    const owedMs = cpuMs - this.#chargedMs
    this.#chargedMs = cpuMs
    this.#queue.charge(this.#account, owedMs)
  }
}
