/**
 * Incremental framing (FastCGI 1.0, section 3.3): finds records in bytes that arrive in arbitrary pieces.
 *
 * Only a header that is cut in two is ever copied; content is passed on as it arrives, padding is skipped.
 */
import { HEADER_BYTES, VERSION } from './constants.ts'
import type { FastCgiError } from './errors.ts'
import { badVersion, byteAt, uint16At } from './header.ts'

/** What a reader reports, in wire order. */
export interface RecordHandler {
  /** A header has arrived. `recordContent` follows any number of times, then `recordEnded`. */
  recordStarted(type: number, requestId: number, contentLength: number): void
  /** Content: `bytes` from `start` to `end`, at least one byte; the memory stays as it is. */
  recordContent(bytes: Uint8Array, start: number, end: number): void
  /** All the content has arrived; padding may still be outstanding. */
  recordEnded(): void
  /** The bytes are not FastCGI. Nothing follows. */
  framingBroken(error: FastCgiError): void
}

/** The framing state of one direction of one connection. */
export class RecordReader {
  readonly #handler: RecordHandler
  /** A header that was cut in two: most connections never have one. */
  #header: Uint8Array | undefined
  #headerBytes = 0
  #contentLeft = 0
  #paddingLeft = 0
  #hasRecord = false
  #stopped = false

  constructor(handler: RecordHandler) {
    this.#handler = handler
  }

  /** Takes the next bytes and reports what they hold. Never throws by itself. */
  push(bytes: Uint8Array): void {
    const handler = this.#handler
    const length = bytes.length
    let at = 0
    while (at < length && !this.#stopped) {
      if (this.#contentLeft > 0) {
        const end = Math.min(length, at + this.#contentLeft)
        this.#contentLeft -= end - at
        handler.recordContent(bytes, at, end)
        at = end
      } else if (this.#paddingLeft > 0) {
        const skipped = Math.min(length - at, this.#paddingLeft)
        this.#paddingLeft -= skipped
        at += skipped
      } else {
        at = this.#readHeader(bytes, at)
      }
      if (this.#hasRecord && this.#contentLeft === 0 && !this.#stopped) {
        this.#hasRecord = false
        handler.recordEnded()
      }
    }
  }

  /** Whether the bytes so far end with a whole record. */
  get isBetweenRecords(): boolean {
    return this.#headerBytes === 0 && this.#contentLeft === 0 && this.#paddingLeft === 0
  }

  /** Ignores everything from here on, the rest of the bytes in a running `push` included. */
  stop(): void {
    this.#stopped = true
  }

  /** Reads the header at `at`, or as much of it as is there; answers where to go on. */
  #readHeader(bytes: Uint8Array, at: number): number {
    // The first byte is judged when it arrives: a peer that speaks something else may never send eight.
    if (this.#headerBytes === 0 && byteAt(bytes, at) !== VERSION) {
      this.#stopped = true
      this.#handler.framingBroken(badVersion(byteAt(bytes, at)))
      return bytes.length
    }
    if (this.#headerBytes === 0 && bytes.length - at >= HEADER_BYTES) {
      this.#start(bytes, at)
      return at + HEADER_BYTES
    }
    const end = Math.min(bytes.length, at + HEADER_BYTES - this.#headerBytes)
    this.#header ??= new Uint8Array(HEADER_BYTES)
    for (let from = at; from < end; from++) {
      this.#header[this.#headerBytes++] = byteAt(bytes, from)
    }
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0
      this.#start(this.#header, 0)
    }
    return end
  }

  #start(header: Uint8Array, at: number): void {
    this.#hasRecord = true
    this.#contentLeft = uint16At(header, at + 4)
    this.#paddingLeft = byteAt(header, at + 6)
    this.#handler.recordStarted(byteAt(header, at + 1), uint16At(header, at + 2), this.#contentLeft)
  }
}
