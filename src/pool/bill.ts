/**
 * What one request costs its tenant of the thread, told to the run queue as it comes up: slices at their ends, the rest when
 * the guest has ended. Turns are paid for in advance, so that those who wait are put in order before anybody has run.
 */
import type { RunQueue } from './run-queue.ts'

/**
 * A guest gives the thread back after a slice, give or take. Where it seems to have held it for longer than so many slices,
 * the machine was busy with something else, and that is not its tenant's to pay.
 */
const MOST_SLICES = 2

export interface BillOptions {
  readonly tenant: string
  readonly sliceMs: number
}

export class Bill {
  readonly #queue: RunQueue
  readonly #tenant: string
  readonly #sliceMs: number
  /** In all, and for the slice that is under way. */
  #chargedMs = 0
  #paidMs = 0
  /** Times that the guest has got the thread. */
  #stretches = 1

  constructor(queue: RunQueue, { tenant, sliceMs }: BillOptions) {
    this.#queue = queue
    this.#tenant = tenant
    this.#sliceMs = sliceMs
  }

  /** `costMs`: what the turn is likely to cost; default: a slice. */
  waitTurn(wake: () => void, costMs?: number): void {
    const paid = (paidMs: number): void => {
      this.#paidMs = paidMs
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

  /** The guest has held the thread for a slice and goes on. */
  sliceIsOver(): void {
    this.#charge(this.#sliceMs - this.#paidMs)
    this.#paidMs = 0
    this.#stretches += 1
  }

  /** The guest waits for something else than its turn; `cpuMs`: for how long it has held the thread so far. */
  guestWaits(cpuMs: number): void {
    this.settle(cpuMs)
    this.#paidMs = 0
    this.#stretches += 1
  }

  /** The guest has ended; `cpuMs`: for how long it has held the thread. */
  settle(cpuMs: number): void {
    const mostMs = this.#stretches * MOST_SLICES * this.#sliceMs
    this.#charge(Math.min(cpuMs, mostMs) - this.#chargedMs)
  }

  #charge(cpuMs: number): void {
    this.#chargedMs += cpuMs
    this.#queue.charge(this.#tenant, cpuMs)
  }
}
