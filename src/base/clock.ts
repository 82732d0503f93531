/** The only place that reads a clock or sets a timer; everything else is handed a `Clock`. */
import { performance } from 'node:perf_hooks'
import { loadLibc } from './libc.ts'
import { realtimeOf } from './realtime.ts'

export interface Timer {
  /** Makes sure the callback never runs (again). Idempotent. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since some fixed point, with fractions; never goes back. */
  nowMs(): number
  /** Nanoseconds since some fixed point; never goes back. */
  monotonicNs(): bigint
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  realtimeNs(): bigint
  /** Milliseconds since then, whole ones. */
  epochMs(): number
  /** CPU time used by this process, in nanoseconds. */
  processCpuNs(): bigint
  /** CPU time used by this thread, in milliseconds. To ask takes half a microsecond. */
  threadCpuMs(): number
  /** Calls back once after `delayMs`, however long that is. */
  after(delayMs: number, callback: () => void): Timer
}

/** Longer delays of `setTimeout` are over at once. */
const LONGEST_MS = 2 ** 31 - 1

class MachineTimer implements Timer {
  #handle: ReturnType<typeof setTimeout>

  constructor(delayMs: number, callback: () => void) {
    this.#handle = this.#start(delayMs, callback)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #start(leftMs: number, callback: () => void): ReturnType<typeof setTimeout> {
    if (leftMs <= LONGEST_MS) return setTimeout(callback, leftMs)
    return setTimeout(() => {
      this.#handle = this.#start(leftMs - LONGEST_MS, callback)
    }, LONGEST_MS)
  }
}

const realtimeNs = realtimeOf({
  originMs: performance.timeOrigin,
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
})

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  monotonicNs: () => process.hrtime.bigint(),
  realtimeNs,
  epochMs: () => Date.now(),
  processCpuNs: () => {
    const { user, system } = process.cpuUsage()
    return BigInt(user + system) * 1000n
  },
  threadCpuMs: () => {
    const libc = loadLibc()
    if (libc !== undefined) return libc.threadCpuMs()
    // For a thread that does not sleep this goes on once a tick of the system's, 1 to 10 ms.
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  },
  after: (delayMs, callback) => new MachineTimer(delayMs, callback),
}

/** Milliseconds in which this thread's event loop has had something to do; its processor may have been elsewhere meanwhile. */
export function loopActiveMs(): number {
  return performance.eventLoopUtilization().active
}
