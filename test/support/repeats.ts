/** How often values that are drawn by chance may come twice. */

/** How likely it may be that a test fails by chance. */
const CHANCE = 1e-9

/** How many of `count` values with so many random bits may have been there before: more are there by chance in one of 1/CHANCE tests. */
export function mostRepeats(count: number, bits: number): number {
  const mean = (count * (count - 1)) / 2 / 2 ** bits
  let probability = Math.exp(-mean)
  let beyond = 1 - probability
  let repeats = 0
  while (beyond > CHANCE) {
    repeats += 1
    probability *= mean / repeats
    beyond -= probability
  }
  return repeats
}
