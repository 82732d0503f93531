/** Log lines: JSON for machines, readable on a terminal. */
import { isatty } from 'node:tty'
import { type Logger, pino } from 'pino'
import { readableLines, wantsColours } from './readable-line.ts'

export type { Logger } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Where lines go. */
export interface LogDestination {
  /** Takes whole lines. */
  write(lines: string): void
}

/**
 * Makes the process's logger. `readable`: for people; default: when standard error is a terminal. Default destination: standard
 * error, written to at once, and waited for: for processes that serve nobody.
 */
export function createLogger(
  level: LogLevel = 'info',
  readable: boolean = isatty(2),
  destination?: LogDestination,
): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const to = destination ?? pino.destination({ dest: 2, sync: true })
  if (!readable) return pino(options, to)
  const print = readableLines(wantsColours())
  return pino(options, { write: (line) => to.write(print(line)) })
}
