/**
 * How many units a guest may spend until its next check, given how long the last ones took.
 *
 * A unit is one thing in optimised code and five times that before the optimising compiler is done with it; a load that misses
 * every cache costs a hundred times one that hits. A host that sets `wasm_fpm:quota` by this function at each
 * check is asked about every `TARGET_INTERVAL_MS` whatever the guest does.
 */
import { DEFAULT_QUOTA } from './contract.ts'

/** Wanted time between two checks. */
const TARGET_INTERVAL_MS = 0.1
/** Even the slowest code gets something done between two checks. */
export const MIN_QUOTA = 20_000
/** So that a guest cannot earn any length of turn with cheap instructions and then spend it on dear ones. */
export const MAX_QUOTA = 2_000_000
/**
 * A write to a page that nobody has written yet costs few units, and a page fault, which takes microseconds. In a memory of
 * so many bytes, 1,024 pages, that does not matter; in a larger one a guest that begins with such writes would be away for too long.
 */
export const MOST_COLD_BYTES = 4 * 1024 * 1024
/** To write to so many bytes that nobody has written yet takes 16 ms or less: more of them and a guest is checked often. */
const MOST_UNWRITTEN_BYTES = 32 * 1024 * 1024
/** Corrections smaller than this factor are not worth writing the global for. */
const TOLERANCE = 2

/** With what a guest begins that has so much memory, and goes on when it has grown it: new memory is there to be written. */
export function firstQuota(memoryBytes: number): number {
  return hasColdPages(memoryBytes) ? MIN_QUOTA : DEFAULT_QUOTA
}

/** Whether a guest with so much memory may hold the thread for long just by writing to it. */
export function hasColdPages(memoryBytes: number): boolean {
  return memoryBytes > MOST_COLD_BYTES
}

/** Whether a guest may hold the thread for long with one stretch, if it has earned it with cheap work. */
export function mustHurry(memoryBytes: number, writtenBytes: number): boolean {
  return memoryBytes - writtenBytes > MOST_UNWRITTEN_BYTES
}

/** `elapsedMs`: from the last check, or the guest's start or resumption, to this one. Returns `quota` itself where that is good enough. */
export function nextQuota(quota: number, elapsedMs: number): number {
  const factor = TARGET_INTERVAL_MS / Math.max(elapsedMs, 0.001)
  if (factor < TOLERANCE && factor > 1 / TOLERANCE) return quota
  // Down at once, up step by step.
  const wanted = Math.round(quota * Math.min(factor, TOLERANCE))
  return Math.min(Math.max(wanted, MIN_QUOTA), MAX_QUOTA)
}
