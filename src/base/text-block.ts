/**
 * Texts one behind the other, each with a NUL behind it, as C has its environment. They are put together from parts, in memory that
 * is used again and again: nothing is made for a text.
 */

const START_BYTES = 4_096
/** More is given back when the block is emptied. */
const KEPT_BYTES = 65_536
/** Shorter parts are copied faster byte by byte than by a call. */
const CALL_BYTES = 128

export class TextBlock {
  /** How many texts. */
  count = 0
  /** Of all of them, with their NULs. */
  length = 0
  #bytes: Uint8Array = new Uint8Array(START_BYTES)
  /** Where each begins; behind them where the next one will. */
  #starts: number[] = [0]

  clear(): void {
    this.count = 0
    this.length = 0
    if (this.#bytes.length <= KEPT_BYTES) return
    this.#bytes = new Uint8Array(START_BYTES)
    this.#starts = [0]
  }

  /** A text of a part that is bytes, and one that is a latin1 string, one char a byte. No NUL in either. */
  putText(head: Uint8Array, text: string): void {
    const size = head.length + text.length + 1
    const bytes = this.#reserve(size)
    let to = this.length
    for (let at = 0; at < head.length; at++) bytes[to++] = head[at] ?? 0
    for (let at = 0; at < text.length; at++) bytes[to++] = text.charCodeAt(at)
    bytes[to] = 0
    this.#ended(to + 1)
  }

  /** The same where both are bytes. */
  putBytes(head: Uint8Array, from: Uint8Array, start: number, end: number): void {
    const size = end - start
    const bytes = this.#reserve(head.length + size + 1)
    let to = this.length
    for (let at = 0; at < head.length; at++) bytes[to++] = head[at] ?? 0
    if (size > CALL_BYTES) {
      bytes.set(from.subarray(start, end), to)
      to += size
    } else for (let at = start; at < end; at++) bytes[to++] = from[at] ?? 0
    bytes[to] = 0
    this.#ended(to + 1)
  }

  /** Where text number `index` begins. */
  startOf(index: number): number {
    return this.#starts[index] ?? 0
  }

  /** All of them; only good until more is put. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  /** Each as a latin1 string. */
  texts(): string[] {
    const all = Buffer.from(this.#bytes.buffer, 0, this.length)
    return Array.from({ length: this.count }, (_, index) =>
      all.toString('latin1', this.startOf(index), this.startOf(index + 1) - 1),
    )
  }

  #ended(length: number): void {
    this.length = length
    this.count++
    this.#starts[this.count] = length
  }

  /** Its memory, with room for so many bytes more. */
  #reserve(count: number): Uint8Array {
    const wanted = this.length + count
    if (wanted > this.#bytes.length) {
      const larger = new Uint8Array(wanted * 2)
      larger.set(this.bytes)
      this.#bytes = larger
    }
    return this.#bytes
  }
}
