/**
 * What a session has done that starting over could not undo. A guest that may do nothing of that and is about to has to start over
 * instead; what it prints is kept here until it has ended, and then the sink's, or nobody's.
 */
import type { ByteSink } from '../base/byte-stream.ts'

/** What a guest may print and still start over. */
const STAGED_BYTES = 16_384

/** One for all guests of a thread: one that leaves no traces does not give the thread away before it has ended. */
const ROOM = new Uint8Array(STAGED_BYTES)

export class Traces {
  readonly #startOver: () => never
  /** `forbidden`: none may be left. `refused`: one was about to be. */
  #state: 'none' | 'left' | 'forbidden' | 'refused' = 'none'
  #printedBytes = 0
  readonly #stage: ByteSink = {
    write: (bytes) => this.#keep(bytes),
    onWritable: (wake) => wake(),
    end: () => undefined,
  }

  /** `startOver`: called where a trace would be left that is forbidden; throws. */
  constructor(startOver: () => never) {
    this.#startOver = startOver
  }

  /** Another session. Answers what takes its output in place of the sink it was granted; undefined: that does. */
  begin(isForbidden: boolean): ByteSink | undefined {
    this.#state = isForbidden ? 'forbidden' : 'none'
    this.#printedBytes = 0
    return isForbidden ? this.#stage : undefined
  }

  /** What the guest is about to do cannot be undone. Throws where that is forbidden. */
  leave(): void {
    if (this.#state === 'left') return
    if (this.#state === 'none') {
      this.#state = 'left'
      return
    }
    this.#state = 'refused'
    this.#startOver()
  }

  /** As `leave`, for bytes that it prints: so many can be kept back. */
  leavePrinted(bytes: number): void {
    if (this.#printedBytes + bytes > STAGED_BYTES) this.leave()
    else if (this.#state === 'none') this.#printedBytes += bytes
  }

  /** Whether one was left, or about to be. */
  get areThere(): boolean {
    return this.#state === 'left' || this.#state === 'refused'
  }

  /** What a guest that leaves none has printed; valid until another one runs. */
  get staged(): Uint8Array {
    return ROOM.subarray(0, this.#printedBytes)
  }

  #keep(bytes: Uint8Array): number {
    ROOM.set(bytes, this.#printedBytes)
    this.#printedBytes += bytes.length
    return bytes.length
  }
}
