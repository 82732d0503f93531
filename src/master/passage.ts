/**
 * Connections on their way from one worker to another. The master keeps each of them until the worker that it goes to says that
 * it has it: one that dies before, or that is about to end, has not read from it, and another one gets it.
 */
import type { RawSocket } from '../base/raw-socket.ts'

/** An idle connection without a worker. */
export interface GivenAway<Worker> {
  /** Undefined: another master's. */
  readonly from: Worker | undefined
  /** The listen address it came in by. */
  readonly address: string
  readonly connection: RawSocket
}

/** A worker, as far as this is concerned. */
export interface Taker {
  readonly canTake: boolean
  /** Whether it accepts connections, too. */
  readonly takesPart: boolean
  readonly isBusy: boolean
  /** Answers with `id`. */
  adopt(id: number, address: string, connection: RawSocket): void
}

/** More than so many would leave the master without file descriptors. */
export const MAX_CONNECTIONS = 4096

interface OnItsWay<Worker> {
  readonly gift: GivenAway<Worker>
  readonly to: Worker
}

export class Passage<Worker extends Taker> {
  readonly #workers: () => readonly Worker[]
  readonly #onItsWay = new Map<number, OnItsWay<Worker>>()
  /** Those for which nobody is there. */
  #waiting: GivenAway<Worker>[] = []
  #lastId = 0

  constructor(workers: () => readonly Worker[]) {
    this.#workers = workers
  }

  /** Sends the connection to the next worker that has time, or to the next one, or back, or to the next one that comes. */
  send(gift: GivenAway<Worker>): void {
    if (this.#onItsWay.size + this.#waiting.length >= MAX_CONNECTIONS) {
      gift.connection.close()
      return
    }
    this.#lastId += 1
    const to = this.#nextFor(gift)
    if (to === undefined) {
      this.#waiting.push(gift)
      return
    }
    this.#onItsWay.set(this.#lastId, { gift, to })
    to.adopt(this.#lastId, gift.address, gift.connection)
  }

  /** `worker` has said that it has a connection. It may say so of those only that were sent to it. */
  taken(worker: Worker, id: number): void {
    if (this.#onItsWay.get(id)?.to !== worker) return
    this.#onItsWay.get(id)?.gift.connection.close()
    this.#onItsWay.delete(id)
  }

  /** Those that were on their way to `worker`, which has ended, or one of them, which it does not want: they are to be sent anew. */
  takeBack(worker: Worker, id?: number): readonly GivenAway<Worker>[] {
    const back = [...this.#onItsWay].filter(
      ([one, { to }]) => to === worker && (id === undefined || id === one),
    )
    for (const [one] of back) this.#onItsWay.delete(one)
    return back.map(([, { gift }]) => gift)
  }

  /** Those that wait for a worker: they are to be sent anew when one has come. */
  takeWaiting(): readonly GivenAway<Worker>[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }

  #nextFor({ from }: GivenAway<Worker>): Worker | undefined {
    const ready = this.#workers().filter((worker) => worker.canTake)
    const others = ready.filter((worker) => worker !== from)
    const taking = others.filter((worker) => worker.takesPart)
    const idle = taking.filter((worker) => !worker.isBusy)
    const candidates = [idle, taking, others, ready].find((some) => some.length > 0) ?? []
    return candidates[this.#lastId % Math.max(1, candidates.length)]
  }
}
