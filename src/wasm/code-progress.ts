/** How much of a module's code has been hardened, said now and then. No clock: whoever listens decides what is too often. */
import type { Span } from './wasm-module.ts'

/** Bytes of the code section that are done, of so many. */
export type OnCode = (doneBytes: number, totalBytes: number) => void

/** Code between two reports, more or less: a function is done as a whole. */
const STRIDE_BYTES = 64 * 1024

/** What reading a byte and writing it anew have of the time it takes, measured with `bench/cpu`. */
const READ_SHARE = 0.2
const WRITE_SHARE = 0.8

export class CodeProgress {
  readonly #bodies: readonly Span[]
  readonly #onCode: OnCode
  readonly #totalBytes: number
  #done = 0
  #saidAt = 0

  constructor(bodies: readonly Span[], onCode: OnCode) {
    this.#bodies = bodies
    this.#onCode = onCode
    this.#totalBytes = bodies.reduce((sum, { start, end }) => sum + end - start, 0)
    onCode(0, this.#totalBytes)
  }

  /** Defined function `index` has been read. */
  read(index: number): void {
    this.#add(index, READ_SHARE)
  }

  /** It has been written. */
  written(index: number): void {
    this.#add(index, WRITE_SHARE)
  }

  #add(index: number, share: number): void {
    const body = this.#bodies[index]
    if (body === undefined) return
    this.#done += (body.end - body.start) * share
    if (this.#done - this.#saidAt < STRIDE_BYTES) return
    this.#saidAt = this.#done
    this.#onCode(Math.min(Math.floor(this.#done), this.#totalBytes), this.#totalBytes)
  }
}
