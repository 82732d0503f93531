/**
 * Who did what, when, to which release: a JSON line for everything that changes something or was refused. Opened anew for
 * each line, so that it can be rotated by renaming it.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import { standardStreamOf } from '../base/log-streams.ts'
import type { Logger } from '../base/logger.ts'

export interface AuditLine {
  /** Token id; `local` for the operator at the unix socket; null: nobody we know. */
  readonly who: string | null
  /** The token's name. */
  readonly name?: string | undefined
  /** Where from: an address, or `unix`. */
  readonly from: string
  /** The operation's id in the OpenAPI document; null: the request was of none. */
  readonly what: string | null
  readonly tenant?: string | undefined
  readonly request: string
  readonly status: number
  /** Of the error. */
  readonly code?: string | undefined
  readonly ms: number
  /** What it was done to: `handler`, `release` (its digest), `previous`, `token`, `key` (its id). */
  readonly handler?: string | undefined
  readonly release?: string | undefined
  readonly previous?: string | undefined
  readonly token?: string | undefined
  readonly key?: string | undefined
  /** False: published, and not live by that. */
  readonly switched?: boolean | undefined
}

const FILE_MODE = 0o640
const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK // a FIFO that nobody reads is an error, and not a wait

/** An answer does not wait longer for its line: a disk that hangs. */
const WAIT_MS = 2000

/** Lines that wait for one that hangs; more go to the server's log. */
const MAX_WAITING = 256

export interface AuditLogParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly sinks: Pick<LogSinks, 'stream'>
}

export class AuditLog {
  readonly #path: string
  /** Where the path names a standard stream, that. */
  readonly #stream: { write(line: string): void } | undefined
  readonly #clock: Clock
  readonly #logger: Logger
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(path: string, { clock, logger, sinks }: AuditLogParts) {
    const stream = standardStreamOf(path)
    this.#path = path
    this.#stream = stream === undefined ? undefined : sinks.stream(stream)
    this.#clock = clock
    this.#logger = logger
  }

  /**
   * Resolves when the line is in the file, or has to wait too long. One that cannot be written (a full disk, a FIFO that takes nothing)
   * goes to the server's log, whole: taking back a release must be possible then, too. To a standard stream it goes as lines of
   * other logs do: what its reader does not take is kept for a while, dropped, counted and told.
   */
  write(line: AuditLine): Promise<void> {
    const when = new Date(Number(this.#clock.realtimeNs() / 1_000_000n)).toISOString()
    const text = `${JSON.stringify({ when, ...line })}\n`
    if (this.#stream !== undefined) {
      this.#stream.write(text)
      return Promise.resolve()
    }
    if (this.#waiting >= MAX_WAITING) {
      this.#giveUp(text, `${this.#waiting} others wait already`)
      return Promise.resolve()
    }
    this.#waiting += 1
    this.#last = this.#last.then(() => this.#append(text))
    const timeUp = Promise.withResolvers<void>()
    const timer = this.#clock.after(WAIT_MS, timeUp.resolve)
    return Promise.race([this.#last, timeUp.promise]).finally(() => timer.cancel())
  }

  async #append(text: string): Promise<void> {
    try {
      const file = await open(this.#path, FLAGS, FILE_MODE)
      try {
        const bytes = Buffer.from(text)
        const { bytesWritten } = await file.write(bytes)
        if (bytesWritten < bytes.length) {
          // What is there of it goes: the next one must not follow half a line. Nobody else writes here.
          const stats = await file.stat()
          if (stats.isFile()) await file.truncate(stats.size - bytesWritten)
          throw new Error(`${bytesWritten} of ${bytes.length} bytes could be written`)
        }
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#giveUp(text, String(error))
    } finally {
      this.#waiting -= 1
    }
  }

  #giveUp(text: string, problem: string): void {
    this.#logger.error({ audit: text.trimEnd() }, `audit line is not written: ${problem}`)
  }
}
