/** A byte source one can look into: keeps one chunk back, which `poll_oneoff` needs to know whether a read would wait. */
import { type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'
import type { StreamReader } from './filesystem.ts'

/** How much a look ahead may take out of the source. */
const PEEK_BYTES = 65_536

export class PeekableSource implements StreamReader {
  #source: ByteSource
  #kept: Uint8Array = NOTHING_YET
  #hasEnded = false

  /** Becomes the source's one reader. */
  constructor(source: ByteSource) {
    this.#source = source
  }

  /** Reads another source from here on. */
  begin(source: ByteSource): void {
    this.#source = source
    this.#kept = NOTHING_YET
    this.#hasEnded = false
  }

  available(): number {
    if (this.#kept.length > 0) return this.#kept.length
    if (this.#hasEnded) return -1
    const chunk = this.#source.read(PEEK_BYTES)
    if (chunk === undefined) {
      this.#hasEnded = true
      return -1
    }
    this.#kept = chunk
    return chunk.length
  }

  read(maxBytes: number): Uint8Array | undefined {
    if (this.#kept.length > 0) {
      const taken = this.#kept.subarray(0, maxBytes)
      this.#kept = this.#kept.subarray(taken.length)
      return taken
    }
    if (this.#hasEnded) return undefined
    const chunk = this.#source.read(maxBytes)
    if (chunk === undefined) this.#hasEnded = true
    return chunk
  }

  onReadable(wake: () => void): void {
    if (this.#kept.length > 0 || this.#hasEnded) wake()
    else this.#source.onReadable(wake)
  }
}
