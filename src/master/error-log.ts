/**
 * The file that `error_log` names: the master's lines, and those of its workers, which come over pipes. So one file serves
 * workers of different users, and only one process has to open it again after it was rotated away.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { MasterError } from './errors.ts'

/** Created with this mode. */
const FILE_MODE = 0o640

/** Longest line that is kept together; a longer one may have others in its middle. */
const MAX_LINE_BYTES = 64 * 1024

const NEWLINE = 0x0a

export class ErrorLog {
  readonly #path: string
  #fd: number
  /** The unfinished last line of each writer. */
  readonly #rests = new Map<object, Buffer>()

  /** Opens the file. Throws `MasterError` (MASTER_FILE). */
  constructor(path: string) {
    this.#path = path
    this.#fd = open(path)
  }

  /** Opens the file of this name again. When that fails, the old one stays in use, and it throws. */
  reopen(): void {
    const before = this.#fd
    this.#fd = open(this.#path)
    closeSync(before)
  }

  /** Appends what `writer` has written, line by line. */
  write(writer: object, chunk: Buffer): void {
    const rest = this.#rests.get(writer)
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    const end = bytes.lastIndexOf(NEWLINE) + 1
    const isTooLong = bytes.length - end > MAX_LINE_BYTES
    const whole = isTooLong ? bytes : bytes.subarray(0, end)
    this.#append(whole)
    const left = bytes.subarray(whole.length)
    if (left.length > 0) this.#rests.set(writer, Buffer.from(left))
    else this.#rests.delete(writer)
  }

  /** Appends the unfinished line of a writer that has ended. */
  forget(writer: object): void {
    const rest = this.#rests.get(writer)
    if (rest !== undefined) this.#append(Buffer.concat([rest, Buffer.from('\n')]))
    this.#rests.delete(writer)
  }

  #append(bytes: Buffer): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    } catch {
      // A full disk: there is nowhere to say so, and serving goes on.
    }
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'a', FILE_MODE)
  } catch (cause) {
    throw new MasterError('MASTER_FILE', `Cannot write the log ${path}: ${String(cause)}`, {
      cause,
    })
  }
}
