/** Several log files as one: what is there in the order of time, then what comes as it comes. */
import { type LogEntry, readEntries } from './log-entry.ts'
import { LogFile } from './log-file.ts'
import { isOf, type LogSource } from './log-sources.ts'

/** An entry and where it was found. */
export interface Sourced {
  readonly source: LogSource
  readonly entry: LogEntry
}

export class LogReader {
  readonly #files: ReadonlyArray<{ readonly source: LogSource; readonly file: LogFile }>
  readonly #tenant: string | undefined

  /** `tenant`: entries of others are left out. */
  constructor(sources: readonly LogSource[], tenant: string | undefined) {
    this.#files = sources.map((source) => ({ source, file: new LogFile(source.path) }))
    this.#tenant = tenant
  }

  /** The last `count` entries of all files. To be called before `next`. Throws `CliError` (CLI_UNREADABLE). */
  last(count: number): readonly Sourced[] {
    const all = this.#files.flatMap(({ source, file }) => {
      const wanted = (lines: readonly string[]): readonly Sourced[] => this.#pick(source, lines)
      const lines = file.lastLines((some) => wanted(some).length > count)
      return withTimes(wanted(lines)).slice(count === 0 ? lines.length : -count)
    })
    const sorted = all.toSorted((left, right) => left.timeMs - right.timeMs)
    return sorted.slice(count === 0 ? sorted.length : -count).map(({ found }) => found)
  }

  /** What has come since. Throws `CliError` (CLI_UNREADABLE). */
  next(): readonly Sourced[] {
    return this.#files.flatMap(({ source, file }) => this.#pick(source, file.newLines()))
  }

  close(): void {
    for (const { file } of this.#files) file.close()
  }

  #pick(source: LogSource, lines: readonly string[]): readonly Sourced[] {
    return readEntries(lines)
      .filter((entry) => isOf(entry, source, this.#tenant))
      .map((entry) => ({ source, entry }))
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
