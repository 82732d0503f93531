/**
 * What a guest says about where it is, in its own words: an interpreter knows the lines of the program it runs, of which the stack
 * shows nothing. It is called while the guest stands still: at the end of a slice, or while it waits.
 */
import type { Clock } from '../base/clock.ts'

/** `(depth: i32) -> i32`: where its text is, a frame a line, innermost first, with a 0 behind it; 0: it has none. */
export const TRACE_EXPORT = 'wasm_fpm_trace'

/** For how long it may think, in milliseconds. */
export const MOST_TRACE_MS = 20
/** Of its text so much is read. */
export const MOST_TRACE_BYTES = 16 * 1024

interface TracedHost {
  poison(): void
  cure(): void
}

export class OwnTrace {
  readonly #call: ((depth: number) => number) | undefined
  readonly #memory: WebAssembly.Memory
  readonly #host: TracedHost
  readonly #clock: Clock
  #untilMs: number | undefined

  /** `exports`: of the guest. */
  constructor(exports: WebAssembly.Exports, host: TracedHost, clock: Clock) {
    this.#call = exports[TRACE_EXPORT] as ((depth: number) => number) | undefined
    this.#memory = exports['memory'] as WebAssembly.Memory
    this.#host = host
    this.#clock = clock
  }

  /** While it is asked: whether it may go on. undefined: it is not. */
  mayGoOn(): boolean | undefined {
    return this.#untilMs === undefined ? undefined : this.#clock.nowMs() < this.#untilMs
  }

  /** At most `depth` lines; none where it has nothing to say, or not in time. No call of the host answers it meanwhile. */
  take(depth: number): readonly string[] {
    if (this.#call === undefined) return []
    this.#untilMs = this.#clock.nowMs() + MOST_TRACE_MS
    this.#host.poison()
    try {
      return this.#linesAt(this.#call(depth) >>> 0).slice(0, depth)
    } catch {
      return [] // what it threw, or was trapped by, is no matter of the request
    } finally {
      this.#host.cure()
      this.#untilMs = undefined
    }
  }

  #linesAt(address: number): readonly string[] {
    if (address === 0) return []
    const text = Buffer.from(this.#memory.buffer).subarray(address, address + MOST_TRACE_BYTES)
    const end = text.indexOf(0)
    const lines = text.toString('utf8', 0, end === -1 ? text.length : end).split('\n')
    return lines.filter((line) => line !== '')
  }
}
