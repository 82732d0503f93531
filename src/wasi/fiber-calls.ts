/** Stacks of a guest's own, which WebAssembly lacks (module `wasm_fpm`: fiber_new, fiber_switch). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** What it takes to begin a fiber and to end it, and to go from one to another, in nanoseconds at worst. */
const [NEW_WORK, SWITCH_WORK] = [50_000, 5_000]

export const FIBER_CALLS = {
  /**
   * Stores the number of a new fiber at `result`. It has not begun: the first switch to it does that, with `argument`.
   *
   * - NOMEM: there are too many
   * - NOTSUP: the guest does not export what a fiber begins with
   * - FAULT: the result does not fit
   */
  fiber_new: (host: CallContext) => (argument: number, result: number) => {
    host.enter()
    if (!host.has(result >>> 0, 4)) return Errno.FAULT
    host.charge(NEW_WORK)
    const made = host.fibers.make(argument)
    if (made === undefined) return Errno.NOTSUP
    return made === 0 ? Errno.NOMEM : host.storeU32(result, made)
  },

  /**
   * Goes on with another fiber, and is over when somebody comes back to this one.
   *
   * INVAL: there is no such fiber any more, or it is the one that asks.
   */
  fiber_switch: (host: CallContext) => (fiber: number) => {
    host.enter()
    host.charge(SWITCH_WORK)
    return host.fibers.switchTo(fiber >>> 0)
  },
}
