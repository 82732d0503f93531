/** One line a request: who asked for what, what was answered, and what it cost. */
import type { Logger } from '../base/logger.ts'

/** Strings that come from variables have one char a byte. */
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
  /** From the end of PARAMS to the end of the guest. */
  readonly wallMs: number
  readonly cpuMs: number
  readonly queuedMs: number
  readonly memoryBytes: number
  /** The failure's code, when there was one. */
  readonly code: string | undefined

  /** The rest is for lines in a format of the operator's. */
  readonly pool: string
  /** REMOTE_USER; empty: nobody. */
  readonly user: string
  /** Path of the handler as the guest sees it; empty: none. */
  readonly script: string
  /** CONTENT_LENGTH as the client announced it; 0: none. */
  readonly contentLength: number
  /** When the request came and when this line is written, in milliseconds since 1970. */
  readonly startEpochMs: number
  readonly endEpochMs: number
  readonly pid: number
  readonly parentPid: number
  /** A variable of the request (`%{NAME}e`). */
  readonly variable: (name: string) => string | undefined
  /** A field of the response (`%{Name}o`), in lower case. */
  readonly responseHeader: (lowerCaseName: string) => string | undefined
}

export type AccessLog = (entry: AccessEntry) => void

/** Writes every entry to `logger` at level info. JSON strings escape control characters, so that no entry can forge a line. */
export function createAccessLog(logger: Logger): AccessLog {
  return (entry) => {
    const { requestId, tenant, handler, method, uri, remote, status, code } = entry
    const { requestBytes, responseBytes, memoryBytes } = entry
    const [wallMs, cpuMs, queuedMs] = [entry.wallMs, entry.cpuMs, entry.queuedMs].map(round)
    logger.info(
      {
        ...{ requestId, tenant, handler, method, uri, remote, status, code },
        ...{ requestBytes, responseBytes, wallMs, cpuMs, queuedMs, memoryBytes },
      },
      'access',
    )
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
