/** Puts the pieces of a small stream (PARAMS, GET_VALUES) together. */

/** A view that pins less than this many times its own length may be kept instead of copied. */
export const MAX_PINNED_RATIO = 4

const NONE = Buffer.alloc(0)

/** Bytes in arrival order. One piece stays a view of what arrived; more are copied together. */
export class GatheredBytes {
  #bytes: Buffer = NONE
  #length = 0
  #isOwn = false

  get length(): number {
    return this.#length
  }

  /** Adds `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start
    if (this.#length === 0 && added * MAX_PINNED_RATIO >= bytes.buffer.byteLength) {
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset + start, added)
      this.#isOwn = false
    } else {
      this.#reserve(this.#length + added)
      if (bytes instanceof Buffer) bytes.copy(this.#bytes, this.#length, start, end)
      else this.#bytes.set(bytes.subarray(start, end), this.#length)
    }
    this.#length += added
  }

  /** Everything so far, as a view that is good until the next `append`. */
  view(): Buffer {
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
    // Mostly the first piece is all there is.
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#length))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
    this.#isOwn = true
  }
}
