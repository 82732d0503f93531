/** A call of the host's that is under way while the guest goes on (canonical ABI: subtasks). */
import type { Deferred } from './deferred.ts'
import { fault } from './guest-fault.ts'
import type { Activity } from './host/host-work.ts'
import type { Wish } from './host/preview1-calls.ts'
import type { Value } from './value.ts'
import { Waitable } from './waitable.ts'

/** What a handle of one is of. */
export const SUBTASK = 'subtask'

const STATES = { started: 1, returned: 2, cancelled: 4 } as const
const SUBTASK_EVENT = 1
/** Bits of what an async call answers that say its state; those above, the subtask. */
const STATE_BITS = 4

/** An async call has answered, and there is nothing to wait for. */
export const RETURNED: number = STATES.returned

export class Subtask extends Waitable implements Activity {
  readonly #deferred: Deferred
  readonly #resolve: (value: Value) => void
  readonly #release: () => void
  #state: keyof typeof STATES = 'started'
  #isTold = false

  /** `resolve`: gives the guest what was answered. `release`: it has been told, and has back what it lent. */
  constructor(
    deferred: Deferred,
    { resolve, release }: { resolve: (value: Value) => void; release: () => void },
  ) {
    super()
    this.#deferred = deferred
    this.#resolve = resolve
    this.#release = release
  }

  /** What the call answers. */
  get started(): number {
    return STATES[this.#state] | (this.index << STATE_BITS)
  }

  step(): 'idle' | 'moved' | 'over' {
    if (this.#state !== 'started') return 'over'
    const outcome = this.#deferred.outcome()
    if (outcome === undefined) return 'idle'
    this.#resolve(outcome[0])
    this.#end('returned')
    return 'over'
  }

  wishes(): readonly Wish[] {
    return this.#deferred.wishes()
  }

  /** Answers how it ended. */
  cancel(): number {
    if (this.#isTold) throw fault(`call ${this.index} is cancelled, and has ended`)
    if (this.#state === 'started') {
      this.#deferred.cancel()
      this.#end('cancelled')
    }
    this.takeEvent()
    return STATES[this.#state]
  }

  override drop(): void {
    if (!this.#isTold) throw fault(`call ${this.index} is given up before it has ended`)
    super.drop()
  }

  #end(state: 'returned' | 'cancelled'): void {
    this.#state = state
    this.happen(() => {
      this.#isTold = true
      this.#release()
      return [SUBTASK_EVENT, this.index, STATES[state]]
    })
  }
}
