/** A session's open descriptors, by number. */
import type { Descriptor, OpenThing } from './descriptor.ts'
import { Errno } from './errno.ts'

/** Behind the standard streams. */
export const FIRST_PREOPEN = 3

export class DescriptorTable {
  readonly #entries: (Descriptor | undefined)[] = []
  readonly #openRestNow: () => readonly Descriptor[]
  #limit = 0
  #count = 0
  #hasRest = false

  /** `openRest` opens those behind the first ones when somebody could notice that they are not there: most requests never do. */
  constructor(openRest: () => readonly Descriptor[]) {
    this.#openRestNow = openRest
  }

  /** Of a new session. `limit`: descriptors open at once. `first`: open from the start. */
  begin(limit: number, first: readonly Descriptor[]): void {
    this.#limit = limit
    if (this.#entries.length > first.length) this.#entries.length = first.length
    for (let fd = 0; fd < first.length; fd += 1) this.#entries[fd] = first[fd]
    this.#count = first.length
    this.#hasRest = true
  }

  get(fd: number): Descriptor | undefined {
    const index = fd >>> 0
    if (index >= this.#entries.length) this.#openRest()
    return this.#entries[index]
  }

  get isFull(): boolean {
    this.#openRest()
    return this.#count >= this.#limit
  }

  /** Whether any descriptor is of `open`. */
  holds(open: OpenThing): boolean {
    this.#openRest()
    return this.#entries.some((descriptor) => descriptor?.open === open)
  }

  /** Takes the lowest free number; the caller has asked `isFull`. */
  add(descriptor: Descriptor): number {
    this.#openRest()
    const free = this.#count === this.#entries.length ? -1 : this.#entries.indexOf(undefined)
    const fd = free === -1 ? this.#entries.length : free
    this.#entries[fd] = descriptor
    this.#count++
    return fd
  }

  /** Closes a descriptor: SUCCESS or BADF. */
  close(fd: number): number {
    this.#openRest()
    const descriptor = this.get(fd)
    if (descriptor === undefined) return Errno.BADF
    this.#entries[fd >>> 0] = undefined
    this.#count--
    descriptor.close()
    return Errno.SUCCESS
  }

  /** Moves `from` over `to`, which must be open and is closed: SUCCESS or BADF. */
  renumber(from: number, to: number): number {
    this.#openRest()
    const moved = this.get(from)
    const replaced = this.get(to)
    if (moved === undefined || replaced === undefined) return Errno.BADF
    if (moved === replaced) return Errno.SUCCESS
    this.#entries[to >>> 0] = moved
    this.#entries[from >>> 0] = undefined
    this.#count--
    replaced.close()
    return Errno.SUCCESS
  }

  /** Closes everything. */
  clear(): void {
    this.#hasRest = false
    for (let fd = 0; fd < this.#entries.length; fd += 1) {
      this.#entries[fd]?.close()
      this.#entries[fd] = undefined
    }
    this.#count = 0
  }

  #openRest(): void {
    if (!this.#hasRest) return
    this.#hasRest = false
    for (const descriptor of this.#openRestNow()) this.add(descriptor)
  }
}
