/** A priority queue: the item with the least key first, and of equal keys the one that was added first (a binary heap). */

interface Entry<Item> {
  readonly item: Item
  readonly key: number
  /** Counts additions. */
  readonly turn: number
}

export class Earliest<Item> {
  readonly #heap: Entry<Item>[] = []
  #turn = 0

  /** The key of what `take` gives next; `Infinity` when there is nothing. */
  get leastKey(): number {
    return this.#heap[0]?.key ?? Number.POSITIVE_INFINITY
  }

  add(item: Item, key: number): void {
    this.#turn += 1
    const entry = { item, key, turn: this.#turn }
    let at = this.#heap.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || isBefore(parent, entry)) break
      this.#heap[at] = parent
      at = above
    }
    this.#heap[at] = entry
  }

  take(): Item | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first === undefined || last === undefined || first === last) return first?.item
    this.#sinkFromTop(last)
    return first.item
  }

  #sinkFromTop(entry: Entry<Item>): void {
    let at = 0
    for (;;) {
      const [left, right] = [this.#heap[2 * at + 1], this.#heap[2 * at + 2]]
      const isRight = left !== undefined && right !== undefined && isBefore(right, left)
      const least = isRight ? right : left
      if (least === undefined || isBefore(entry, least)) break
      this.#heap[at] = least
      at = 2 * at + (isRight ? 2 : 1)
    }
    this.#heap[at] = entry
  }
}

function isBefore<Item>(one: Entry<Item>, other: Entry<Item>): boolean {
  return one.key < other.key || (one.key === other.key && one.turn < other.turn)
}
