/**
 * What a session has done that starting over could not undo. A guest that may do nothing of that and is about to has to start over
 * instead; what it prints is kept here until it has ended, and then the sink's, or nobody's.
 */
import { HeldBytes } from '../base/held-bytes.ts'
import type { IovecList } from './iovec-list.ts'

/** What a guest may print and still start over. */
const STAGED_BYTES = 16_384

/** One for all guests of a thread: one that leaves no traces does not give the thread away before it has ended. */
const STAGED = new HeldBytes()

export class Traces {
  readonly #startOver: () => never
  /** `forbidden`: none may be left. `refused`: one was about to be. */
  #state: 'none' | 'left' | 'forbidden' | 'refused' = 'none'
  #printedBytes = 0

  /** `startOver`: called where a trace would be left that is forbidden; throws. */
  constructor(startOver: () => never) {
    this.#startOver = startOver
  }

  /** Another session. */
  begin(isForbidden: boolean): void {
    this.#state = isForbidden ? 'forbidden' : 'none'
    this.#printedBytes = 0
    if (isForbidden) STAGED.truncate(0)
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

  /** As `leave`, for what it prints: the buffers `list` of its memory. Answers whether that has been kept back, and is nobody else's. */
  print(memory: Uint8Array, list: IovecList): boolean {
    if (this.#state === 'left') return false
    const end = this.#printedBytes + list.total
    if (end > STAGED_BYTES) this.leave()
    else if (this.#state !== 'none') stage(memory, list)
    this.#printedBytes = end
    return this.#state === 'forbidden'
  }

  /** Whether one was left, or about to be. */
  get areThere(): boolean {
    return this.#state === 'left' || this.#state === 'refused'
  }

  /** What a guest that leaves none has printed; valid until another one runs. */
  get staged(): Uint8Array {
    return STAGED.view()
  }
}

function stage(memory: Uint8Array, { count, pointers, lengths }: IovecList): void {
  for (let index = 0; index < count; index += 1) {
    const from = pointers[index] ?? 0
    STAGED.append(memory, from, from + (lengths[index] ?? 0))
  }
}
