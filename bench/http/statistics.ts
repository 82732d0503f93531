/** Medians over rounds: of figures, and of ratios taken within each round. */

/** The middle value; the mean of the two middle ones for an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (upper + lower) / 2
}

/** Median of `ours[i] / theirs[i]`: what the machine did to both in a round cancels out. */
export function medianRatio(ours: readonly number[], theirs: readonly number[]): number {
  const rounds = Math.min(ours.length, theirs.length)
  return median(
    Array.from(
      { length: rounds },
      (_, round) => (ours[round] ?? 0) / (theirs[round] ?? Number.NaN),
    ),
  )
}
