/** Several log files as one: what is there in the order of time, then what comes as it comes. */
import { LOCAL_LOG_LIMITS, type LogLimits } from './limits.ts'
import { type LogEntry, readEntries } from './log-entry.ts'
import { LogFile } from './log-file.ts'
import { isOf, type LogSource } from './log-sources.ts'

/** An entry and where it was found. */
export interface Sourced {
  readonly source: LogSource
  readonly entry: LogEntry
}

export interface LogReaderOptions {
  /** Entries of others are left out. Undefined: all. */
  readonly tenant?: string | undefined
  /** Default: for whoever may read the files anyway. */
  readonly limits?: LogLimits
  /** Whether text for people, where several tenants write to a file, may say whose it is. Default: it may. */
  readonly believesText?: boolean
}

export class LogReader {
  readonly #files: ReadonlyArray<{ readonly source: LogSource; readonly file: LogFile }>
  readonly #tenant: string | undefined
  readonly #believesText: boolean

  constructor(sources: readonly LogSource[], options: LogReaderOptions = {}) {
    const { tenant, limits = LOCAL_LOG_LIMITS, believesText = true } = options
    this.#files = sources.map((source) => ({ source, file: new LogFile(source.path, limits) }))
    this.#tenant = tenant
    this.#believesText = believesText
  }

  /** Whether the last `next` has left nothing that was there. */
  get isAtEnd(): boolean {
    return this.#files.every(({ file }) => file.isAtEnd)
  }

  /** The last `count` entries of all files. To be called before `next`. Throws `LogsError` (LOGS_UNREADABLE). */
  last(count: number): readonly Sourced[] {
    const all = this.#files.flatMap(({ source, file }) => {
      const wanted = (lines: readonly string[]): readonly Sourced[] => this.#pick(source, lines)
      const lines = file.lastLines((some) => wanted(some).length > count)
      return withTimes(wanted(lines)).slice(count === 0 ? lines.length : -count)
    })
    const sorted = all.toSorted((left, right) => left.timeMs - right.timeMs)
    return sorted.slice(count === 0 ? sorted.length : -count).map(({ found }) => found)
  }

  /** What has come since, as much as a step has. Throws `LogsError` (LOGS_UNREADABLE). */
  next(): readonly Sourced[] {
    return this.#files.flatMap(({ source, file }) => this.#pick(source, file.newLines()))
  }

  /** Bytes that were left out since this was asked last: whoever reads is too slow. */
  takeSkippedBytes(): number {
    return this.#files.reduce((sum, { file }) => sum + file.takeSkippedBytes(), 0)
  }

  close(): void {
    for (const { file } of this.#files) file.close()
  }

  #pick(source: LogSource, lines: readonly string[]): readonly Sourced[] {
    return readEntries(lines)
      .filter((entry) => this.#isWanted(source, entry))
      .map((entry) => ({ source, entry }))
  }

  #isWanted(source: LogSource, entry: LogEntry): boolean {
    const isSure = this.#believesText || entry.fields !== undefined || source.owner !== undefined
    return isOf(entry, source, this.#tenant) && (isSure || this.#tenant === undefined)
  }
}

interface Timed {
  readonly found: Sourced
  readonly timeMs: number
}

/** An entry without a time stays behind the one before it. */
function withTimes(entries: readonly Sourced[]): readonly Timed[] {
  let timeMs = 0
  return entries.map((found) => {
    timeMs = Math.max(timeMs, found.entry.timeMs ?? timeMs)
    return { found, timeMs }
  })
}
