/** Scheduling (preview 1: sched_yield). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** A guest that has had the thread for less keeps it: giving it up costs a turn of the event loop. */
const YIELD_AFTER_MS = 1

export const SCHED_CALLS = {
  /** Always SUCCESS; lets others run if the guest has run for a while. */
  sched_yield: (host: CallContext) => () => {
    host.enter()
    if (host.grants.clock.nowMs() - host.runningSinceMs < YIELD_AFTER_MS) return Errno.SUCCESS
    return host.wait(
      (wake) => host.setTimer(0, wake),
      () => Errno.SUCCESS,
    )
  },
}
