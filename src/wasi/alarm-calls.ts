/** What a guest is told when it has used some processor time, which preview 1 has no way to (module `wasm_fpm`: alarm). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** How much of what is left of its processor time a guest may use before it is told: it has to end in the rest. */
const ALARM_SHARE = 0.9

export const ALARM_CALLS = {
  /**
   * Sets the byte at `byte` to 1 as soon as the guest has used `ms` more of processor time, or `ALARM_SHARE` of what is left of its
   * own if that is less; at `given` it is told which. 0: does not, nor will one that was set before. There is one.
   *
   * FAULT: `byte` is not inside memory, or the result does not fit.
   */
  alarm: (host: CallContext) => (byte: number, ms: number, given: number) => {
    host.enter()
    const at = byte >>> 0
    if (!host.has(at, 1) || !host.has(given >>> 0, 4)) return Errno.FAULT
    host.alarm = undefined
    const { usedMs, limitMs } = host.processorTime()
    const wantedMs = ms >>> 0
    const givenMs = Math.min(wantedMs, Math.max(0, (limitMs - usedMs) * ALARM_SHARE))
    if (wantedMs > 0) host.alarm = { at, usedMs: usedMs + givenMs }
    return host.storeU32(given, Math.floor(givenMs))
  },
}
