/** Puts the pieces of a small stream (PARAMS, GET_VALUES) together. */
import { SLAB_BYTES } from '../base/slab-copy.ts'

/** A view that pins less than this many times its own length may be kept instead of copied. */
export const MAX_PINNED_RATIO = 4

/** Where small pieces lie together, a view may pin more: memory of its own costs a small request 4 % of its time. */
const MAX_SHARED_RATIO = 32

const NONE = Buffer.alloc(0)

/** Bytes in arrival order. One piece stays a view of what arrived; more are copied together. */
export class GatheredBytes {
  #bytes: Buffer = NONE
  #length = 0
  #isOwn = false

  get length(): number {
    return this.#length
  }

  /** Adds `bytes` from `start` to `end`. Returns how many more bytes are not free for that. */
  append(bytes: Uint8Array, start: number, end: number): number {
    const added = end - start
    const pinned = bytes.buffer.byteLength
    let taken = added
    if (this.#length === 0 && added * ratioOf(pinned) >= pinned) {
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset + start, added)
      this.#isOwn = false
      if (added * MAX_PINNED_RATIO < pinned) taken = pinned
    } else {
      this.#reserve(this.#length + added)
      if (bytes instanceof Buffer) bytes.copy(this.#bytes, this.#length, start, end)
      else this.#bytes.set(bytes.subarray(start, end), this.#length)
    }
    this.#length += added
    return taken
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

function ratioOf(pinned: number): number {
  return pinned <= SLAB_BYTES ? MAX_SHARED_RATIO : MAX_PINNED_RATIO
}
