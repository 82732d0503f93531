/** "Did you mean ...?" */

/** The choice that `word` was probably meant to be: at most a third of its letters away. */
export function suggestion(word: string, choices: readonly string[]): string | undefined {
  const plain = word.toLowerCase().replace(/[-. ]/g, '_').slice(0, 64)
  let [best, bestDistance]: [string | undefined, number] = [
    undefined,
    Math.max(1, plain.length / 3),
  ]
  for (const choice of choices) {
    const distance = editDistance(plain, choice)
    if (distance <= bestDistance && (best === undefined || distance < bestDistance)) {
      best = choice
      bestDistance = distance
    }
  }
  return best
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}
