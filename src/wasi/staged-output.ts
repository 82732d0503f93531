/**
 * What a guest prints while it may still have to start over: kept here until it has ended, and then the sink's, or nobody's. One room
 * for all guests of a thread, since such a guest does not give the thread away before it has ended.
 */
import type { ByteSink } from '../base/byte-stream.ts'

/** What a guest may print and still start over. */
export const STAGED_BYTES = 16_384

const ROOM = new Uint8Array(STAGED_BYTES)

export class StagedOutput implements ByteSink {
  readonly #onFull: () => never
  #bytes = 0

  /** `onFull`: called when there is no room for what is written; throws. */
  constructor(onFull: () => never) {
    this.#onFull = onFull
  }

  /** What was written since, in this thread's room: valid until the next guest runs. */
  get bytes(): Uint8Array {
    return ROOM.subarray(0, this.#bytes)
  }

  write(bytes: Uint8Array): number {
    if (this.#bytes + bytes.length > STAGED_BYTES) this.#onFull()
    ROOM.set(bytes, this.#bytes)
    this.#bytes += bytes.length
    return bytes.length
  }

  onWritable(wake: () => void): void {
    wake()
  }

  end(): void {
    // What was written is looked for at the end of the run.
  }

  clear(): void {
    this.#bytes = 0
  }
}
