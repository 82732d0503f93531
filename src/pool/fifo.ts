/** First in, first out; nothing is moved when the first one goes. */

/** Places of those that have gone are given back when they are so many, and the greater part. */
const MIN_GONE = 32

export class Fifo<Item> {
  #items: (Item | undefined)[] = []
  #gone = 0

  get length(): number {
    return this.#items.length - this.#gone
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  shift(): Item | undefined {
    const item = this.#items[this.#gone]
    if (item === undefined) return undefined
    this.#items[this.#gone] = undefined
    this.#gone += 1
    if (this.#gone === this.#items.length) {
      this.#items.length = 0
      this.#gone = 0
    } else if (this.#gone >= MIN_GONE && this.#gone * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#gone)
      this.#gone = 0
    }
    return item
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let index = this.#gone; index < this.#items.length; index += 1) {
      const item = this.#items[index]
      if (item !== undefined) yield item
    }
  }
}
