/**
 * Gives the pages of a memory that nobody uses any more back to the system, a little in each turn of the event loop. Left to the
 * collector they would all be unmapped in one go, and everybody would wait for that.
 */
import { loadLibc } from '../base/libc.ts'

/** Below that, unmapping does not show. */
const LEAST_BYTES = 2 * 1024 * 1024

/** In one turn: some 0.1 to 1 ms. */
const STEP_BYTES = 1024 * 1024

export function releasePages(memory: WebAssembly.Memory): void {
  const bytes = memory.buffer.byteLength
  const libc = bytes < LEAST_BYTES ? undefined : loadLibc()
  if (libc === undefined) return
  const address = libc.addressOf(memory.buffer)
  let at = 0
  const step = (): void => {
    // `memory` is held until the last of them: its pages are still its own.
    const length = Math.min(STEP_BYTES, memory.buffer.byteLength - at)
    libc.madviseDontNeed(address + BigInt(at), length)
    at += length
    if (at < bytes) setImmediate(step)
  }
  setImmediate(step)
}
