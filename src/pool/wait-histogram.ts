/** How long things waited, as counts by duration: small, exact, and addable over workers. */

/** Upper bounds in milliseconds; the last bucket has none. */
const WAIT_BOUNDS_MS = [0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000, 5000] as const

/** Plain data. */
export interface WaitCounts {
  /** One for each bound and one for what is above the last; each wait is counted once (not cumulative). */
  readonly counts: readonly number[]
  readonly sumMs: number
}

export const NO_WAITS: WaitCounts = { counts: [...WAIT_BOUNDS_MS, 0].map(() => 0), sumMs: 0 }

export class WaitHistogram {
  readonly #counts: number[] = [...NO_WAITS.counts]
  #sumMs = 0

  observe(waitMs: number): void {
    const bucket = WAIT_BOUNDS_MS.findIndex((bound) => waitMs <= bound)
    const index = bucket < 0 ? WAIT_BOUNDS_MS.length : bucket
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
    this.#sumMs += waitMs
  }

  /** A copy. */
  snapshot(): WaitCounts {
    return { counts: [...this.#counts], sumMs: this.#sumMs }
  }
}

export function addWaits(left: WaitCounts, right: WaitCounts): WaitCounts {
  return {
    counts: NO_WAITS.counts.map(
      (_, index) => (left.counts[index] ?? 0) + (right.counts[index] ?? 0),
    ),
    sumMs: left.sumMs + right.sumMs,
  }
}

/** Buckets as collectors want them: each holds all waits up to its bound. The last one, without bound, is all of them. */
export function cumulativeWaits({
  counts,
}: WaitCounts): ReadonlyArray<readonly [boundMs: number, count: number]> {
  let total = 0
  return [...WAIT_BOUNDS_MS, Number.POSITIVE_INFINITY].map((bound, index) => {
    total += counts[index] ?? 0
    return [bound, total]
  })
}
