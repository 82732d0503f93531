/** How much of a machine's usual part of the requests it is to get, in per cent: less under load, and little at first. */

/** So much it gets at least: nothing would be the end of its requests, and of what is known of its load. */
const LEAST = 10
/** In these steps, so that small changes are none. */
const STEP = 5
/** A machine that is busy all the time gets so much less. */
const LOADED_LESS = 60

export interface WeighedMachine {
  /** Since it was ready. */
  readonly readyMs: number
  /** How long its part grows from the least one. */
  readonly slowStartMs: number
  /** Share of its time in which it had work: 0 to 1. */
  readonly load: number
}

export function weightOf({ readyMs, slowStartMs, load }: WeighedMachine): number {
  const busy = Math.min(1, Math.max(0, load))
  const share = readyMs >= slowStartMs ? 1 : Math.max(0, readyMs) / slowStartMs
  const weight = (100 - LOADED_LESS * busy) * share
  return Math.min(100, Math.max(LEAST, STEP * Math.round(weight / STEP)))
}
