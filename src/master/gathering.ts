/**
 * How many of a pool's workers take part. Connections gather on as few as can carry them: two workers that are each half busy take
 * half as much processor time again as one that does the work of both, because each sleeps and is woken for every request.
 *
 * The ones that have served for longest take part; one more does when all of those are busy and it would be of use: there is
 * processor time that nobody uses, or guests wait for each other. It stands by again when the others can carry its load.
 */
import type { Clock } from '../base/clock.ts'

/** A worker, as far as this is concerned. */
export interface Member {
  /** Whether a request that comes now has to wait for others. */
  readonly isBusy: boolean
  /** Whether it would have to wait for guests that have used up a slice. */
  readonly doGuestsWait: boolean
  /** Share of its time in which it had work, in the last second. */
  readonly load: number
  /** Whether it has had requests in the last second. */
  readonly isActive: boolean
  takePart(): void
  /** `isWatching`: whether to step in for connections that the others leave waiting. */
  standBy(isWatching: boolean): void
}

export interface GatheringOptions {
  readonly clock: Clock
  /** Those that serve, for longest first. */
  readonly members: () => readonly Member[]
  /** Processor time of the whole machine that nobody has used so far, in milliseconds. */
  readonly idleMs: () => number
}

/** So much of a processor must be free for another worker to be of use. */
const FREE_SHARE = 0.5
/** How long is measured at least, in milliseconds. */
const MEASURE_MS = 40
/** A figure that is older than this says nothing, in milliseconds. */
const STALE_MS = 1000
/** One fewer takes part when the load of all would be no more than this of those that stay. */
const CARRIED_SHARE = 0.6
/** For so many beats of the last one. */
const CALM_BEATS = 2

export class Gathering {
  readonly #options: GatheringOptions
  #isOn = false
  #takingPart = 1
  #calmBeats = 0
  #measuredMs = Number.NEGATIVE_INFINITY
  #idleMs = 0
  #freeShare = 0

  constructor(options: GatheringOptions) {
    this.#options = options
  }

  /** Off: all take part. */
  set isOn(isOn: boolean) {
    this.#isOn = isOn
    this.update()
  }

  /** Workers have come, or gone, or changed. */
  update(): void {
    const members = this.#options.members()
    this.#takingPart = Math.max(1, Math.min(this.#takingPart, members.length))
    const isActive = members.some((member) => member.isActive)
    for (const [index, member] of members.entries()) {
      if (!this.#isOn || index < this.#takingPart) member.takePart()
      else member.standBy(isActive)
    }
  }

  /** `member` has said that it is busy. */
  busy(member: Member): void {
    const members = this.#options.members()
    const taking = members.slice(0, this.#takingPart)
    this.#measure()
    if (!this.#isOn || taking.length === members.length) return
    if (!taking.includes(member) || !taking.every(({ isBusy }) => isBusy)) return
    if (member.doGuestsWait || this.#freeShare >= FREE_SHARE) this.#setTakingPart(taking.length + 1)
  }

  /** `member` has said how it has been for a second. */
  beat(member: Member): void {
    const members = this.#options.members()
    const count = Math.min(this.#takingPart, members.length)
    if (this.#isOn && count > 1 && member === members[count - 1]) {
      const load = members.slice(0, count).reduce((sum, one) => sum + one.load, 0)
      this.#calmBeats = load < CARRIED_SHARE * (count - 1) ? this.#calmBeats + 1 : 0
      if (this.#calmBeats >= CALM_BEATS) this.#setTakingPart(count - 1)
    }
    this.update()
  }

  /** `member` takes part because others had left a connection waiting. */
  steppedIn(member: Member): void {
    const index = this.#options.members().indexOf(member)
    if (index >= this.#takingPart) this.#setTakingPart(index + 1)
  }

  #setTakingPart(count: number): void {
    this.#takingPart = count
    this.#calmBeats = 0
    this.update()
  }

  /** How much of a processor was free since the last measurement. */
  #measure(): void {
    const { clock, idleMs } = this.#options
    const nowMs = clock.nowMs()
    const elapsedMs = nowMs - this.#measuredMs
    if (elapsedMs < MEASURE_MS) return
    const idle = idleMs()
    this.#freeShare = elapsedMs > STALE_MS ? 0 : (idle - this.#idleMs) / elapsedMs
    this.#measuredMs = nowMs
    this.#idleMs = idle
  }
}
