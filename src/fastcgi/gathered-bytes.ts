/** Puts the pieces of a small stream (PARAMS, GET_VALUES) together. */

/** A view that pins less than this many times its own length may be kept instead of copied. */
export const MAX_PINNED_RATIO = 4

const FIRST_CAPACITY = 512
const NONE = new Uint8Array(0)

/** Bytes in arrival order. One piece stays a view of what arrived; more are copied together. */
export class GatheredBytes {
  #bytes: Uint8Array = NONE
  #length = 0
  #isOwn = false

  get length(): number {
    return this.#length
  }

  /** Adds `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start
    if (this.#length === 0 && added * MAX_PINNED_RATIO >= bytes.buffer.byteLength) {
      this.#bytes = bytes.subarray(start, end)
      this.#isOwn = false
    } else {
      this.#reserve(this.#length + added)
      this.#bytes.set(bytes.subarray(start, end), this.#length)
    }
    this.#length += added
  }

  /** Everything so far, as a view that is good until the next `append`. */
  view(): Uint8Array {
    return this.#bytes.length === this.#length ? this.#bytes : this.#bytes.subarray(0, this.#length)
  }

  /** Forgets everything. */
  clear(): void {
    this.#bytes = NONE
    this.#length = 0
    this.#isOwn = false
  }

  #reserve(wanted: number): void {
    if (this.#isOwn && wanted <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length, FIRST_CAPACITY))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#isOwn = true
  }
}
