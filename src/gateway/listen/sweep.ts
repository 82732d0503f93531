/**
 * The connections of a listener, and one coarse timer for all of them: a request costs no timer, an idle listener has none either.
 *
 * A list in which each knows its place, and no Set: one that thousands come to and leave in a second makes its tables anew all the time,
 * and V8's old tables keep alive what was in them (a third of all garbage outlived a collection).
 */
import type { Clock, Timer } from '../../base/clock.ts'

/** Wants to be asked now and then whether it has waited for too long. */
export interface Swept {
  /** Where it is in the list, which alone sets it. */
  place: number
  sweep(nowMs: number): void
}

export const SWEEP_INTERVAL_MS = 1000

/** Visits its members every `SWEEP_INTERVAL_MS`, as long as there are any. */
export class Sweep<Member extends Swept> {
  readonly #clock: Clock
  readonly #members: Member[] = []
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#members.length
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1
    this.#timer ??= this.#clock.after(SWEEP_INTERVAL_MS, this.#tick)
  }

  /** Does nothing if it is not there. */
  delete(member: Member): void {
    const { place } = member
    if (this.#members[place] !== member) return
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[place] = last
    last.place = place
  }

  /** Those that are members now, whatever becomes of them meanwhile. */
  [Symbol.iterator](): Iterator<Member> {
    return this.#members.slice()[Symbol.iterator]()
  }

  /** Nobody will come any more: the timer of the last ones is not waited for. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    if (this.#members.length === 0) return
    this.#timer = this.#clock.after(SWEEP_INTERVAL_MS, this.#tick)
    const nowMs = this.#clock.nowMs()
    for (const member of this) member.sweep(nowMs)
  }
}
