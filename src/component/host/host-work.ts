/**
 * What is under way for a guest while it runs: bodies that come and go, calls, clocks. It goes on when the guest waits, or asks for
 * something that may have to wait, and nowhere else.
 */
import { fault } from '../guest-fault.ts'
import type { Preview1Calls, Wish } from './preview1-calls.ts'

export interface Activity {
  /** Goes on as far as it can without waiting. */
  step(): 'idle' | 'moved' | 'over'
  /** What has to come before it can go on; none: that is up to the guest, or to others. */
  wishes(): readonly Wish[]
}

/** At once. */
export const MAX_ACTIVITIES = 256
/** Looking at one of them, in nanoseconds, about. */
const STEP_WORK = 500
/** One may let another one go on: so often, before somebody else has a turn. */
const ROUNDS = 16

/** Of whom it is. `look`: as of `ComponentHost`. */
interface WorkHost {
  readonly calls: Preview1Calls
  readonly charge: (work: number) => void
  readonly look: () => Promise<void>
}

export class HostWork {
  readonly #host: WorkHost
  readonly #activities = new Set<Activity>()

  constructor(host: WorkHost) {
    this.#host = host
  }

  add(activity: Activity): void {
    if (this.#activities.size >= MAX_ACTIVITIES)
      throw fault(`more than ${MAX_ACTIVITIES} calls and streams of the host are under way`)
    this.#activities.add(activity)
  }

  /** All go on as far as they can without waiting. `more`: there may be more to do at once. */
  step(): 'idle' | 'moved' | 'more' {
    for (let round = 0; round < ROUNDS; round++) {
      let hasMoved = false
      this.#host.charge(this.#activities.size * STEP_WORK)
      for (const activity of this.#activities) {
        const state = activity.step()
        if (state === 'over') this.#activities.delete(activity)
        hasMoved ||= state !== 'idle'
      }
      if (!hasMoved) return round === 0 ? 'idle' : 'moved'
    }
    return 'more'
  }

  /** Goes on until `isDone`: at once where it is. Throws where nothing is under way that could bring it. */
  until(isDone: () => boolean): void | Promise<void> {
    const hasMore = this.step() === 'more'
    return isDone() ? undefined : this.#wait(isDone, hasMore)
  }

  async #wait(isDone: () => boolean, hadMore: boolean): Promise<void> {
    let hasMore = hadMore
    do {
      const wishes = [...this.#activities].flatMap((activity) => activity.wishes())
      if (wishes.length === 0 && !hasMore) throw fault('it waits for what nobody can bring')
      const come = await this.#host.calls.poll(wishes, !hasMore)
      if (come === undefined) throw fault(`${wishes.length} things to wait for are too many`)
      await this.#host.look()
      hasMore = this.step() === 'more'
    } while (!isDone())
  }
}
