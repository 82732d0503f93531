/** An open log file and how far it has been read. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { LogLimits } from './limits.ts'

/** Read at once. */
const CHUNK_BYTES = 64 * 1024
/** Read in one step: whoever serves others does something else in between. */
const STEP_BYTES = 4 * CHUNK_BYTES

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

export class OpenLog {
  readonly #fd: number
  readonly #limits: LogLimits
  #offset = 0
  #decoder = new StringDecoder('utf8')
  /** The unfinished last line. */
  #rest = ''
  /** What comes is the rest of a line whose start was left out. */
  #isTorn = false
  #isAtEnd = false
  #skippedBytes = 0

  /** Throws what the system does, and an error where it is no plain file. */
  constructor(path: string, limits: LogLimits) {
    const { mayBeLink } = limits
    this.#fd = openSync(path, mayBeLink ? OPEN_FLAGS : OPEN_FLAGS | constants.O_NOFOLLOW)
    this.#limits = limits
    const stats = this.stats
    if (stats.isFile() && (mayBeLink || stats.nlink <= 1)) return
    this.close()
    throw new Error('it is no plain file, or has several names')
  }

  /** Which file this is, whatever its name is now. */
  get stats(): Stats {
    return fstatSync(this.#fd)
  }

  /** Whether the last `newLines` has left nothing. */
  get isAtEnd(): boolean {
    return this.#isAtEnd
  }

  /** Reads backwards until `isEnough` says so of the last lines, oldest first; `newLines` goes on at the end. */
  lastLines(isEnough: (lines: readonly string[]) => boolean): readonly string[] {
    const { size } = this.stats
    const { tailBytes } = this.#limits
    this.#offset = size
    for (let bytes = CHUNK_BYTES; ; bytes *= 4) {
      const length = Math.min(bytes, size, tailBytes)
      const lines = this.#textAt(size - length, length).split('\n')
      // What is written right now is the start of the next line.
      this.#rest = lines.pop() ?? ''
      const isWhole = length === size
      // The first line is cut, unless it is the file's.
      const whole = isWhole ? lines : lines.slice(1)
      if (isWhole || length === tailBytes || isEnough(whole)) return whole
    }
  }

  /** Whole lines that have been written since, as many as a step has; a file that was emptied starts anew. */
  newLines(): readonly string[] {
    const { size } = this.stats
    if (size < this.#offset) this.#goOnAt(0)
    const { behindBytes } = this.#limits
    const isBehind = size - this.#offset > behindBytes
    if (isBehind) this.#skipTo(size - Math.min(STEP_BYTES, behindBytes))
    const lines: string[] = []
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (let bytes = 0; bytes < STEP_BYTES; ) {
      const count = readSync(this.#fd, chunk, 0, chunk.length, this.#offset)
      this.#isAtEnd = count === 0
      if (this.#isAtEnd) break
      bytes += count
      this.#offset += count
      const parts = (this.#rest + this.#decoder.write(chunk.subarray(0, count))).split('\n')
      this.#rest = (parts.pop() ?? '').slice(-this.#limits.lineChars)
      if (this.#isTorn && parts.shift() !== undefined) this.#isTorn = false
      for (const part of parts) lines.push(part)
    }
    return lines
  }

  /** Bytes that were left out since this was asked last. */
  takeSkippedBytes(): number {
    const bytes = this.#skippedBytes
    this.#skippedBytes = 0
    return bytes
  }

  close(): void {
    closeSync(this.#fd)
  }

  #skipTo(offset: number): void {
    this.#skippedBytes += offset - this.#offset
    this.#goOnAt(offset)
    this.#isTorn = true
  }

  #goOnAt(offset: number): void {
    this.#offset = offset
    this.#rest = ''
    this.#isTorn = false
    this.#decoder = new StringDecoder('utf8')
  }

  #textAt(offset: number, length: number): string {
    const bytes = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const count = readSync(this.#fd, bytes, filled, length - filled, offset + filled)
      if (count === 0) break
      filled += count
    }
    return bytes.toString('utf8', 0, filled)
  }
}
