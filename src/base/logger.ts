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
  /** The same for lines that may wait a few milliseconds for others. */
  gather?(lines: string): void
}

/** Hands over lines that may wait, where that makes a difference. */
export function gatherIn(destination: LogDestination, lines: string): void {
  if (destination.gather === undefined) destination.write(lines)
  else destination.gather(lines)
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
  const options = { level, base: null, timestamp: isoTime }
  const to = destination ?? pino.destination({ dest: 2, sync: true })
  if (!readable) return pino(options, to)
  const print = readableLines(wantsColours())
  return pino(options, printed(to, print))
}

function printed(to: LogDestination, print: (line: string) => string): LogDestination {
  return {
    write: (line) => to.write(print(line)),
    gather: (line) => gatherIn(to, print(line)),
  }
}

let isoMs = Number.NaN
let isoText = ''

/** As pino's own; many lines have the same millisecond. */
function isoTime(): string {
  const nowMs = Date.now()
  if (nowMs !== isoMs) {
    isoMs = nowMs
    isoText = `,"time":"${new Date(nowMs).toISOString()}"`
  }
  return isoText
}
