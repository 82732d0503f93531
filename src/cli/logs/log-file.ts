/** The log file of one name: read from its end and then as it grows, also when a rotation moves it away or empties it. */
import { statSync } from 'node:fs'
import { CliError } from '../errors.ts'
import { OpenLog } from './open-log.ts'

/** Looks at a file that was moved away: those who write to it take a moment to open the new one. */
const LAST_LOOKS = 20

export class LogFile {
  readonly path: string
  #current: OpenLog | undefined
  #moved: { readonly log: OpenLog; looks: number } | undefined

  constructor(path: string) {
    this.path = path
  }

  /**
   * The last lines, oldest first: as many as `isEnough` needs. A file that is not there has none. From then on `newLines`
   * goes on at its end. Throws `CliError` (CLI_UNREADABLE).
   */
  lastLines(isEnough: (lines: readonly string[]) => boolean): readonly string[] {
    return this.#open()?.lastLines(isEnough) ?? []
  }

  /** Whole lines that have been written since. Throws `CliError` (CLI_UNREADABLE). */
  newLines(): readonly string[] {
    const lines = [...this.#lastWords(), ...(this.#open()?.newLines() ?? [])]
    const current = this.#current
    if (current === undefined || !this.#isReplaced(current)) return lines
    this.#moved?.log.close()
    this.#moved = { log: current, looks: LAST_LOOKS }
    this.#current = undefined
    return [...lines, ...(this.#open()?.newLines() ?? [])]
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
    moved.looks -= 1
    const lines = moved.log.newLines()
    if (moved.looks === 0) {
      moved.log.close()
      this.#moved = undefined
    }
    return lines
  }

  /** Undefined: it is not there (yet). */
  #open(): OpenLog | undefined {
    try {
      this.#current ??= new OpenLog(this.path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      if (error.code !== 'ENOENT') throw unreadable(this.path, error)
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

function unreadable(path: string, cause: Error): CliError {
  return new CliError(
    'CLI_UNREADABLE',
    `Cannot read ${path}: ${cause.message}, wanted the right to read it`,
    { cause },
  )
}
