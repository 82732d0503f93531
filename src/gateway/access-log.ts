/** One line a request: who asked for what, what was answered, and what it cost. */
import type { Logger } from '../base/logger.ts'

export interface AccessEntry {
  readonly requestId: string
  readonly tenant: string | undefined
  readonly handler: string | undefined
  readonly method: string
  /** Raw, as the client sent it. */
  readonly uri: string
  readonly remote: string
  /** HTTP status that was sent; 499: the client left before one was. */
  readonly status: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** From the end of PARAMS to the end of the answer. */
  readonly wallMs: number
  readonly cpuMs: number
  readonly queuedMs: number
  readonly memoryBytes: number
  /** The failure's code, when there was one. */
  readonly code: string | undefined
}

export type AccessLog = (entry: AccessEntry) => void

/** Writes every entry to `logger` at level info. JSON strings escape control characters, so that no entry can forge a line. */
export function createAccessLog(logger: Logger): AccessLog {
  return (entry) => {
    const { wallMs, cpuMs, queuedMs, ...rest } = entry
    logger.info(
      { ...rest, wallMs: round(wallMs), cpuMs: round(cpuMs), queuedMs: round(queuedMs) },
      'access',
    )
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
