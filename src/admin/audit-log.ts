/**
 * Who did what, when, to which release: a JSON line for everything that changes something or was refused. Opened anew for
 * each line, so that it can be rotated by renaming it.
 */
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
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
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW

export class AuditLog {
  readonly #path: string
  readonly #clock: Clock
  readonly #logger: Logger
  #last: Promise<void> = Promise.resolve()

  constructor(path: string, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#path = path
    this.#clock = clock
    this.#logger = logger
  }

  /**
   * Resolves when the line is in the file. One that cannot be written (a full disk) goes to the server's log: taking back a
   * release must be possible then, too.
   */
  write(line: AuditLine): Promise<void> {
    const when = new Date(Number(this.#clock.realtimeNs() / 1_000_000n)).toISOString()
    const text = `${JSON.stringify({ when, ...line })}\n`
    this.#last = this.#last.then(() => this.#append(text))
    return this.#last
  }

  async #append(text: string): Promise<void> {
    try {
      const file = await open(this.#path, FLAGS, FILE_MODE)
      try {
        await file.appendFile(text)
      } finally {
        await file.close()
      }
    } catch (error) {
      this.#logger.error({ audit: text.trimEnd() }, `audit line is not written: ${String(error)}`)
    }
  }
}
