/** What one server connection may cost. Everything a peer can make grow is here. */
import type { ParamsLimits } from './params.ts'
import type { ConductLimits } from './peer-conduct.ts'

export interface ConnectionLimits extends ParamsLimits, ConductLimits {
  /** Requests at once on one connection; the next one is answered 503 and OVERLOADED. */
  readonly maxRequests: number
  /** The PARAMS stream of one request; over it the gateway answers 431. */
  readonly paramsBytes: number
  /** STDIN and DATA held for one request; then the connection is not read. */
  readonly stdinBufferBytes: number
  /**
   * The same where not reading would do harm: while the peer does not take this request's output (it may be
   * sending its whole body first), or while other requests share the connection.
   */
  readonly stalledStdinBytes: number
  /** Output held for one stream, on its way to the socket included; then `write` answers 0. */
  readonly outputBufferBytes: number
  /** Everything held for one connection, one half for each direction. */
  readonly totalBufferBytes: number
}

const KIB = 1024
const MIB = 1024 * KIB

/** The limits of php-fpm-sized requests behind a trusted web server. */
export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  maxRequests: 128,
  paramsBytes: 256 * KIB,
  paramsPairs: 1000,
  paramNameBytes: 4 * KIB,
  stdinBufferBytes: MIB,
  stalledStdinBytes: 16 * MIB,
  outputBufferBytes: 128 * KIB,
  totalBufferBytes: 64 * MIB,
  abortedRequests: 200,
  uselessRecords: 1000,
}
