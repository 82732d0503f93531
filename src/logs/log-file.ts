/** The log file of one name: read from its end and then as it grows, also when a rotation moves it away or empties it. */
import { statSync } from 'node:fs'
import { systemCodeOf } from '../base/errors.ts'
import { LogsError } from './errors.ts'
import type { LogLimits } from './limits.ts'
import { OpenLog } from './open-log.ts'

/** Looks at the end of a file that was moved away: those who write to it take a moment to open the new one. */
const LAST_LOOKS = 20

export class LogFile {
  readonly path: string
  readonly #limits: LogLimits
  #current: OpenLog | undefined
  #moved: { readonly log: OpenLog; looks: number } | undefined

  constructor(path: string, limits: LogLimits) {
    this.path = path
    this.#limits = limits
  }

  /** Whether the last `newLines` has left nothing that was there. */
  get isAtEnd(): boolean {
    return (this.#moved?.log.isAtEnd ?? true) && (this.#current?.isAtEnd ?? true)
  }

  /**
   * The last lines, oldest first: as many as `isEnough` needs. A file that is not there has none. From then on `newLines`
   * goes on at its end. Throws `LogsError` (LOGS_UNREADABLE).
   */
  lastLines(isEnough: (lines: readonly string[]) => boolean): readonly string[] {
    return this.#open()?.lastLines(isEnough) ?? []
  }

  /** Whole lines that have been written since, as many as a step has. Throws `LogsError` (LOGS_UNREADABLE). */
  newLines(): readonly string[] {
    const last = this.#lastWords()
    if (this.#moved?.log.isAtEnd === false) return last
    const lines = [...last, ...(this.#open()?.newLines() ?? [])]
    const current = this.#current
    if (current === undefined || !this.#isReplaced(current)) return lines
    this.#moved?.log.close()
    this.#moved = { log: current, looks: LAST_LOOKS }
    this.#current = undefined
    return current.isAtEnd ? [...lines, ...(this.#open()?.newLines() ?? [])] : lines
  }

  /** Bytes that were left out since this was asked last. */
  takeSkippedBytes(): number {
    return (this.#moved?.log.takeSkippedBytes() ?? 0) + (this.#current?.takeSkippedBytes() ?? 0)
  }

  close(): void {
    this.#current?.close()
    this.#moved?.log.close()
    this.#current = undefined
    this.#moved = undefined
  }

  #lastWords(): readonly string[] {
    const moved = this.#moved
    if (moved === undefined) return []
    const lines = moved.log.newLines()
    if (moved.log.isAtEnd) moved.looks -= 1
    if (moved.looks === 0) {
      moved.log.close()
      this.#moved = undefined
    }
    return lines
  }

  /** Undefined: it is not there (yet). */
  #open(): OpenLog | undefined {
    try {
      this.#current ??= new OpenLog(this.path, this.#limits)
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw unreadable(this.path, error)
    }
    return this.#current
  }

  /** Whether another file has the name now; until there is one, the old one is written to. */
  #isReplaced(current: OpenLog): boolean {
    const now = statSync(this.path, { throwIfNoEntry: false })
    const { dev, ino } = current.stats
    return now !== undefined && (now.dev !== dev || now.ino !== ino)
  }
}

function unreadable(path: string, cause: unknown): LogsError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new LogsError(
    'LOGS_UNREADABLE',
    `Cannot read ${path}: ${reason}, wanted a file and the right to read it`,
    { cause },
  )
}
