/** An open log file and how far it has been read. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

/** Read at once. */
const CHUNK_BYTES = 64 * 1024
/** Most that is read of what was there before. */
const MAX_TAIL_BYTES = 16 * 1024 * 1024
/** Longest unfinished line that is kept. */
const MAX_LINE_CHARS = 1024 * 1024

export class OpenLog {
  readonly #fd: number
  #offset = 0
  #decoder = new StringDecoder('utf8')
  /** The unfinished last line. */
  #rest = ''

  /** Throws what the system does. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r')
  }

  /** Which file this is, whatever its name is now. */
  get stats(): Stats {
    return fstatSync(this.#fd)
  }

  /** Reads backwards until `isEnough` says so of the last lines, oldest first; `newLines` goes on at the end. */
  lastLines(isEnough: (lines: readonly string[]) => boolean): readonly string[] {
    const { size } = this.stats
    this.#offset = size
    for (let bytes = CHUNK_BYTES; ; bytes *= 4) {
      const length = Math.min(bytes, size, MAX_TAIL_BYTES)
      const lines = this.#textAt(size - length, length).split('\n')
      // What is written right now is the start of the next line.
      this.#rest = lines.pop() ?? ''
      const isWhole = length === size
      // The first line is cut, unless it is the file's.
      const whole = isWhole ? lines : lines.slice(1)
      if (isWhole || length === MAX_TAIL_BYTES || isEnough(whole)) return whole
    }
  }

  /** Whole lines that have been written since; a file that was emptied starts anew. */
  newLines(): readonly string[] {
    if (this.stats.size < this.#offset) {
      this.#offset = 0
      this.#rest = ''
      this.#decoder = new StringDecoder('utf8')
    }
    const lines: string[] = []
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (;;) {
      const count = readSync(this.#fd, chunk, 0, chunk.length, this.#offset)
      if (count === 0) return lines
      this.#offset += count
      const parts = (this.#rest + this.#decoder.write(chunk.subarray(0, count))).split('\n')
      this.#rest = (parts.pop() ?? '').slice(-MAX_LINE_CHARS)
      for (const part of parts) lines.push(part)
    }
  }

  close(): void {
    closeSync(this.#fd)
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
