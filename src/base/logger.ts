/** Log lines: JSON for machines, readable on a terminal. */
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type { Logger } from 'pino'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Makes the process's logger, writing to standard error. `readable`: for people; default: when it is a terminal. */
export function createLogger(
  level: LogLevel = 'info',
  readable: boolean = process.stderr.isTTY === true,
): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (!readable) return pino(options, pino.destination({ dest: 2, sync: true }))
  return pino(options, pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss.l' }))
}
