/**
 * The longest turn of this thread's event loop, in processor time: what other programs on the machine take does not count. The
 * loop does not sleep meanwhile, so that each turn is seen.
 *
 * CLOCK_THREAD_CPUTIME_ID, because `process.threadCpuUsage` goes on by 4 ms at a time in a thread that does not sleep.
 */
import type * as Ffi from 'node:ffi'

const CLOCK_THREAD_CPUTIME_ID = 3

const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi
const { functions } = ffi.dlopen(null, {
  clock_gettime: { arguments: ['int32', 'pointer'], return: 'int32' },
})
const clockGettime = functions.clock_gettime as unknown as (id: number, into: bigint) => number
// struct timespec: seconds, nanoseconds.
const time = new BigInt64Array(2)
const timeAddress = ffi.getRawPointer(time.buffer)

export class TurnWatch {
  #longestMs = 0
  #fromMs = threadMs()
  #isStopped = false

  constructor() {
    setImmediate(this.#look)
  }

  /** Milliseconds. Ends the watch. */
  stop(): number {
    this.#isStopped = true
    return Math.max(this.#longestMs, threadMs() - this.#fromMs)
  }

  readonly #look = (): void => {
    const nowMs = threadMs()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#fromMs)
    if (this.#isStopped) return
    setImmediate(this.#look)
    this.#fromMs = threadMs()
  }
}

/** Processor time of this thread, in milliseconds. */
export function threadMs(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, timeAddress)
  const [seconds = 0n, nanoseconds = 0n] = time
  return Number(seconds) * 1000 + Number(nanoseconds) / 1e6
}
