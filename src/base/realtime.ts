/**
 * Real time in fractions of a millisecond: how long it is since a fixed point, and when that was. Node asks the machine for the latter
 * once, so it would be wrong for good as soon as somebody sets the machine's time, or the machine has slept.
 */

/** The machine's clocks, as Node tells them. */
export interface MachineTime {
  /** Of `nowMs`, in milliseconds since 1970. */
  readonly originMs: number
  /** Milliseconds since then, in fractions; never goes back, and takes no notice when the time is set. */
  nowMs(): number
  /** Milliseconds since 1970, whole ones. */
  epochMs(): number
}

/** By so much the two may differ: `epochMs` is cut, and a little time passes between one look and the other. */
const MOST_APART_MS = 3
/** Two looks between which more has passed say nothing. */
const MOST_BETWEEN_MS = 0.5
/** Then the next request for the time tries again. */
const MOST_TRIES = 3

/** Nanoseconds since 1970, no further from `epochMs` than a few milliseconds. */
export function realtimeOf(time: MachineTime): () => bigint {
  let { originMs } = time
  return () => {
    const now = time.nowMs()
    if (isApart(time.epochMs() - originMs - now)) originMs += change(time, originMs)
    return BigInt(Math.round((originMs + now) * 1000)) * 1000n
  }
}

/** By how much the time was set; the processor may have been with somebody else between two looks. */
function change({ nowMs, epochMs }: MachineTime, originMs: number): number {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const before = nowMs()
    const apart = epochMs() - originMs - before
    if (nowMs() - before < MOST_BETWEEN_MS) return isApart(apart) ? apart : 0
  }
  return 0
}

function isApart(ms: number): boolean {
  return ms > MOST_APART_MS || ms < -MOST_APART_MS
}
