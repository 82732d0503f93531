/** A stream that arrives from the peer: records are put in, the reader takes bytes out. */
import { type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'
import { MAX_PINNED_RATIO } from './gathered-bytes.ts'

/** Smaller pieces are copied together: a view costs about 200 bytes, which a peer could make us pay for each byte. */
const MIN_VIEW_BYTES = 1024
const MAX_BLOCK_BYTES = 64 * 1024

/** Who accounts for the buffered bytes. */
export interface InputOwner {
  /** The bytes held changed by `delta`. */
  inputHeld(delta: number): void
}

/** STDIN and DATA on a server, STDOUT and STDERR on a client. */
export class InputStream implements ByteSource {
  readonly #owner: InputOwner
  readonly #chunks: Uint8Array[] = []
  /** Block behind the last chunk, when that chunk is a copy: pieces are added while it has room. */
  #block: Uint8Array | undefined
  #blockUsed = 0
  #held = 0
  #hasEnded = false
  #wake: (() => void) | undefined

  constructor(owner: InputOwner) {
    this.#owner = owner
  }

  /** Bytes that have arrived and were not read. */
  get heldBytes(): number {
    return this.#held
  }

  /** Whether the peer's part is over; there may be bytes left to read. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  read(maxBytes: number): Uint8Array | undefined {
    const first = this.#chunks[0]
    if (first === undefined) return this.#hasEnded ? undefined : NOTHING_YET
    let taken = first
    if (first.length > maxBytes) {
      taken = first.subarray(0, maxBytes)
      this.#chunks[0] = first.subarray(maxBytes)
    } else {
      this.#chunks.shift()
      if (this.#chunks.length === 0) this.#block = undefined
    }
    this.#held -= taken.length
    this.#owner.inputHeld(-taken.length)
    return taken
  }

  onReadable(wake: () => void): void {
    if (this.#held > 0 || this.#hasEnded) wake()
    else this.#wake = wake
  }

  /** Adds `bytes` from `start` to `end`; the memory must stay as it is. Ignored behind the end. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#hasEnded) return
    const length = end - start
    const isCheapView = length * MAX_PINNED_RATIO >= bytes.buffer.byteLength
    if (isCheapView && (length >= MIN_VIEW_BYTES || this.#chunks.length === 0)) {
      this.#chunks.push(bytes.subarray(start, end))
      this.#block = undefined
    } else {
      this.#copy(bytes, start, end)
    }
    this.#held += length
    this.#owner.inputHeld(length)
    this.#wakeReader()
  }

  /** No more will come. Idempotent. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#wakeReader()
  }

  /** Ends the stream and throws away what nobody has read. */
  discard(): void {
    const dropped = this.#held
    // Setting a length costs as much as a hundred other lines.
    if (this.#chunks.length > 0) this.#chunks.length = 0
    this.#block = undefined
    this.#held = 0
    if (dropped > 0) this.#owner.inputHeld(-dropped)
    this.end()
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    let from = start
    while (from < end) {
      let block = this.#block
      if (block === undefined || this.#blockUsed === block.length) {
        const wanted = Math.max(
          end - from,
          MIN_VIEW_BYTES,
          block === undefined ? 0 : 2 * block.length,
        )
        block = new Uint8Array(Math.min(wanted, MAX_BLOCK_BYTES))
        this.#block = block
        this.#blockUsed = 0
        this.#chunks.push(block.subarray(0, 0))
      }
      const used = this.#blockUsed
      const count = Math.min(end - from, block.length - used)
      block.set(bytes.subarray(from, from + count), used)
      this.#blockUsed = used + count
      // The last chunk ends where the block was filled to, so that it is the same chunk made longer.
      const last = this.#chunks.length - 1
      const held = this.#chunks[last]?.length ?? 0
      this.#chunks[last] = block.subarray(used - held, used + count)
      from += count
    }
  }

  #wakeReader(): void {
    const wake = this.#wake
    if (wake === undefined) return
    this.#wake = undefined
    wake()
  }
}
