/** Bytes kept until their fate is known: a buffer that grows up to what its user appends, and none while there are none. */

const FIRST_CAPACITY = 512
const NONE = Buffer.alloc(0)

export class HeldBytes {
  #buffer: Buffer = NONE
  #length = 0

  get length(): number {
    return this.#length
  }

  copyTo(target: Buffer, at: number): void {
    this.#buffer.copy(target, at, 0, this.#length)
  }

  /** Copies `bytes[start..end)`. The limit is the caller's. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#length + end - start
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2, FIRST_CAPACITY))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    this.#buffer.set(
      start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end),
      this.#length,
    )
    this.#length = needed
  }

  text(start: number, end: number): string {
    return this.#buffer.toString('latin1', start, end)
  }

  byteAt(index: number): number {
    return this.#buffer[index] ?? 0
  }

  truncate(length: number): void {
    this.#length = length
  }

  /** Lets go of everything, the buffer too. */
  clear(): void {
    this.#buffer = NONE
    this.#length = 0
  }
}
