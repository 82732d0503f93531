/** Bytes kept until their fate is known: a buffer that grows up to what its user appends, and none while there are none. */

const FIRST_CAPACITY = 512
/** Copied one by one: a view of them would take longer to make. */
const FEW_BYTES = 64
const NONE = Buffer.alloc(0)

export class HeldBytes {
  #buffer: Buffer = NONE
  #length = 0

  get length(): number {
    return this.#length
  }

  /** All of it, good until something is appended or given up. */
  view(): Uint8Array {
    return this.#length === 0 ? NONE : this.#buffer.subarray(0, this.#length)
  }

  /** Hands everything over, and holds nothing any more. */
  take(): Uint8Array {
    const bytes = this.view()
    this.#buffer = NONE
    this.#length = 0
    return bytes
  }

  /** Copies `bytes[start..end)`. The limit is the caller's. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#length + end - start
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2, FIRST_CAPACITY))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    if (start === 0 && end === bytes.length) this.#buffer.set(bytes, this.#length)
    else if (end - start > FEW_BYTES) this.#buffer.set(bytes.subarray(start, end), this.#length)
    else {
      for (let at = start; at < end; at += 1)
        this.#buffer[this.#length + at - start] = bytes[at] ?? 0
    }
    this.#length = needed
  }

  text(start: number, end: number): string {
    return this.#buffer.toString('latin1', start, end)
  }

  /** Whether `bytes` are what is kept from `start` on, up to `end`. */
  holds(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== bytes.length) return false
    for (let index = 0; index < bytes.length; index += 1) {
      if (this.#buffer[start + index] !== bytes[index]) return false
    }
    return true
  }

  byteAt(index: number): number {
    return this.#buffer[index] ?? 0
  }

  truncate(length: number): void {
    this.#length = length
  }
}
