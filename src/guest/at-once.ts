/**
 * Whether guests of a module are tried at once, on the stack of whoever starts them: a stack of its own (JSPI), which V8 sets up for
 * each call, costs as much as everything else that a small guest does. On such a stack a guest cannot wait, and what it has done cannot
 * be taken back, so it may only look at what it is given, and print a little; one that is about to do more starts over in the other way.
 * So it is tried with modules whose guests have not done more for a while, and the less often the more often that was wrong.
 */
import type { GuestModule } from './guest-module.ts'
import type { InstanceParts } from './instance-parts.ts'
import type { RunState } from './run-state.ts'

/** Guests in a row that would have been well without a stack of their own, before one is tried: at first, and at most. */
const STREAK_AT_FIRST = 32
const STREAK_IN_THE_END = 1 << 20

/** By module, or by what the instances of a reactor begin with: applications of one runtime do different things. */
const modules = new WeakMap<object, AtOnce>()

export class AtOnce {
  #streak = 0
  #wanted = STREAK_AT_FIRST
  /** Guests in a row that were well without. */
  #successes = 0

  /** The one of all instances of a module in this thread. */
  static of({ module, first }: GuestModule): AtOnce {
    const key = first ?? module
    const known = modules.get(key)
    if (known !== undefined) return known
    const made = new AtOnce()
    modules.set(key, made)
    return made
  }

  get isWorthATry(): boolean {
    return this.#streak >= this.#wanted
  }

  /** A guest has ended that had a stack of its own. `neededIt`: and would not have been well without. */
  ended(neededIt: boolean): void {
    this.#streak = neededIt ? 0 : this.#streak + 1
  }

  /** A guest has ended that had none. */
  succeeded(): void {
    this.#successes += 1
    if (this.#successes < this.#wanted) return
    this.#successes = 0
    this.#wanted = Math.max(this.#wanted / 2, STREAK_AT_FIRST)
  }

  /** A guest had to start over. */
  failed(): void {
    this.#streak = 0
    this.#successes = 0
    this.#wanted = Math.min(this.#wanted * 2, STREAK_IN_THE_END)
  }
}

export interface Thrown {
  readonly value: unknown
}

/**
 * Calls all that a run calls, one after the other, without a stack of its own, and prints what it has printed unless it has to start over.
 * Answers what has ended it; undefined: it has returned.
 */
export function callBare({ program, host }: InstanceParts, run: RunState): Thrown | undefined {
  let thrown: Thrown | undefined
  try {
    for (const entry of program.bareEntries ?? []) program.state.watch(entry)
  } catch (value) {
    thrown = { value }
  }
  const hasEnded = thrown === undefined || host.exitCode !== undefined
  if (hasEnded || run.killedBy !== undefined) run.print(host.staged)
  return thrown
}
