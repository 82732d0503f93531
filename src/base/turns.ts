/** Lets so many do something at once; the others wait, first come, first served. */

export class Turns {
  #free: number
  readonly #waiting: Array<() => void> = []

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  /** Does `work` when it is its turn. What it answers or throws is passed on. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next() // its turn is this one
    }
  }
}
