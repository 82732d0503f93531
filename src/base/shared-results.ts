/** Results that several may want at the same time: each is made once, and kept until nobody wants it. */

interface Entry<Value> {
  readonly result: Promise<Value>
  users: number
}

export class SharedResults<Value> {
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #dispose: (value: Value) => Promise<void>

  /** `dispose`: nobody wants it any more. Never rejects. */
  constructor(dispose: (value: Value) => Promise<void>) {
    this.#dispose = dispose
  }

  /** What `make` resolves with, for this key. To be given back (`give`) once for each call, also when it rejects. */
  take(key: string, make: () => Promise<Value>): Promise<Value> {
    let entry = this.#entries.get(key)
    if (entry === undefined) {
      entry = { result: make(), users: 0 }
      this.#entries.set(key, entry)
    }
    entry.users += 1
    return entry.result
  }

  async give(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.users -= 1
    if (entry.users > 0) return
    this.#entries.delete(key)
    await entry.result.then(this.#dispose, () => undefined)
  }
}
