/** What a function of the host's answers later, while the guest may go on. */
import type { Wish } from './host/preview1-calls.ts'
import type { Value } from './value.ts'

export abstract class Deferred {
  /** In an array; undefined: not yet. Goes on as far as it can without waiting. */
  abstract outcome(): readonly [value: Value] | undefined
  /** What has to come first. */
  abstract wishes(): readonly Wish[]
  /** The guest does not want it any more. */
  cancel(): void {
    // Most have nothing to give up.
  }
}
