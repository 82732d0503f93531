/** The requests of one connection between BEGIN_REQUEST and END_REQUEST, by id. Mostly there is one, or none: that costs no table. */

interface Identified {
  readonly id: number
}

export class ActiveRequests<Request extends Identified> {
  /** Any of them. */
  #one: Request | undefined
  /** All others; undefined: there has never been one. */
  #others: Map<number, Request> | undefined

  get size(): number {
    return (this.#one === undefined ? 0 : 1) + (this.#others?.size ?? 0)
  }

  get(id: number): Request | undefined {
    return this.#one?.id === id ? this.#one : this.#others?.get(id)
  }

  /** None with its id is there. */
  add(request: Request): void {
    if (this.#one === undefined) this.#one = request
    else {
      this.#others ??= new Map()
      this.#others.set(request.id, request)
    }
  }

  delete(id: number): void {
    if (this.#one?.id === id) this.#one = undefined
    else this.#others?.delete(id)
  }

  clear(): void {
    this.#one = undefined
    this.#others?.clear()
  }

  /** As they are now. */
  all(): Request[] {
    const one = this.#one === undefined ? [] : [this.#one]
    return this.#others === undefined ? one : [...one, ...this.#others.values()]
  }
}
