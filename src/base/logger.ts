/** Log lines: JSON for machines, readable on a terminal. */
import { type Logger, pino } from 'pino'
import { readableLines, wantsColours } from './readable-line.ts'

export type { Logger } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Where lines go. */
export interface LogDestination {
  /** Takes whole lines. */
  write(lines: string): void
}

/** Written to at once: a process that ends has said everything. */
export function standardError(): LogDestination {
  return pino.destination({ dest: 2, sync: true })
}

/**
 * Makes the process's logger, writing to standard error or `destination`. `readable`: for people; default: when standard
 * error is a terminal.
 */
export function createLogger(
  level: LogLevel = 'info',
  readable: boolean = process.stderr.isTTY === true,
  destination?: LogDestination,
): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const to = destination ?? standardError()
  if (!readable) return pino(options, to)
  const print = readableLines(wantsColours())
  return pino(options, { write: (line) => to.write(print(line)) })
}
