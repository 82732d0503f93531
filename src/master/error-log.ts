/**
 * The file that `error_log` names: the master's lines, and those of its workers, which come over pipes. So one file serves
 * workers of different users, and only one process has to open it again after it was rotated away.
 */
import { closeSync, constants, openSync, statSync } from 'node:fs'
import type { LogSink } from '../base/log-sink.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import { isStream, standardStreamOf } from '../base/log-streams.ts'
import { MasterError } from './errors.ts'

/** Created with this mode. */
const FILE_MODE = 0o640

/** Longest line that is kept together; a longer one may have others in its middle. */
const MAX_LINE_BYTES = 64 * 1024

const NEWLINE = 0x0a

export class ErrorLog {
  readonly #path: string
  readonly #sink: LogSink
  /** The unfinished last line of each writer. */
  readonly #rests = new Map<object, Buffer>()

  /** Throws `MasterError` (MASTER_FILE) when the file cannot be opened. */
  constructor(path: string, sinks: LogSinks) {
    check(path)
    this.#path = path
    this.#sink = sinks.to(path)
  }

  /** Opens the file of this name again. When that fails, the old one stays in use, and it throws. */
  reopen(): void {
    check(this.#path)
    if (standardStreamOf(this.#path) === undefined) this.#sink.reopen()
  }

  /** Takes what `writer` has written, line by line. */
  write(writer: object, chunk: Buffer): void {
    const rest = this.#rests.get(writer)
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#sink.write(bytes.toString('utf8', start, end + 1))
      start = end + 1
    }
    const left = bytes.subarray(start)
    if (left.length > MAX_LINE_BYTES) {
      this.#sink.write(left.toString('utf8'))
      this.#rests.delete(writer)
    } else if (left.length > 0) this.#rests.set(writer, Buffer.from(left))
    else this.#rests.delete(writer)
  }

  /** Writes the unfinished line of a writer that has ended. */
  forget(writer: object): void {
    const rest = this.#rests.get(writer)
    if (rest !== undefined) this.#sink.write(`${rest.toString('utf8')}\n`)
    this.#rests.delete(writer)
  }
}

/** What is no file may have to wait for its reader. */
function check(path: string): void {
  try {
    if (standardStreamOf(path) !== undefined) return
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats !== undefined && isStream(stats)) return
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
    closeSync(openSync(path, flags, FILE_MODE))
  } catch (cause) {
    throw new MasterError('MASTER_FILE', `Cannot write the log ${path}: ${String(cause)}`, {
      cause,
    })
  }
}
