/** Clocks (preview 1: clock_res_get, clock_time_get). They tell what the granted `Clock` tells, those of processor time what the request has used. */
import { Clockid } from './abi.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** What the clocks are claimed to resolve: finer than they do, as POSIX systems claim. */
const RESOLUTION_NS = 1000n
const NS_PER_MS = 1e6

export const CLOCK_CALLS = {
  /** INVAL: no such clock. FAULT: the result does not fit into memory. */
  clock_res_get: (host: CallContext) => (clock: number, result: number) => {
    host.enter()
    if (timeOf(host, clock) === undefined) return Errno.INVAL
    return host.storeU64(result, RESOLUTION_NS)
  },
  /** INVAL: no such clock. FAULT: the result does not fit into memory. */
  clock_time_get: (host: CallContext) => (clock: number, _precision: bigint, result: number) => {
    host.enter()
    const now = timeOf(host, clock)
    return now === undefined ? Errno.INVAL : host.storeU64(result, now)
  },
}

/** Nanoseconds on one of the guest's clocks; `undefined`: there is no such clock. */
export function timeOf(host: CallContext, clock: number): bigint | undefined {
  switch (clock) {
    case Clockid.Realtime:
      return host.grants.clock.realtimeNs()
    case Clockid.Monotonic:
      return host.grants.clock.monotonicNs()
    case Clockid.ProcessCpu:
    case Clockid.ThreadCpu:
      // The guest's own: the thread's would tell what others do.
      return BigInt(Math.round(host.processorTime().usedMs * NS_PER_MS))
    default:
      return undefined
  }
}
