/** A deadline for others, which passes only while this process is awake. */
import type { Clock, Timer } from './clock.ts'

const LOOK_MS = 1000

/**
 * Calls back once, after so many seconds that have been counted one by one. When the whole machine stands still, as in a suspend or
 * under a debugger of virtual machines, that is one second of them however long it was: the others had no more time either.
 */
export function afterAwake(clock: Clock, delayMs: number, callback: () => void): Timer {
  let leftMs = delayMs
  let timer: Timer | undefined
  const look = (): void => {
    if (leftMs <= 0) {
      callback()
      return
    }
    const stepMs = Math.min(leftMs, LOOK_MS)
    leftMs -= stepMs
    timer = clock.after(stepMs, look)
  }
  look()
  return { cancel: () => timer?.cancel() }
}
