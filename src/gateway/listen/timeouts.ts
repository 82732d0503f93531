/** How long a connection may keep us waiting. Checked once per `SWEEP_INTERVAL_MS`: never early, up to two intervals late. */

export interface ConnectionTimeouts {
  /** From the connection to its first byte. */
  readonly firstByteMs: number
  /** From the start of a request (or the first byte of the connection) to the end of its PARAMS. */
  readonly paramsMs: number
  /** Between two pieces of a request's body, while it is our turn to read. */
  readonly bodyIdleMs: number
  /** Between two pieces of output (up to 64 KiB) that the peer takes. */
  readonly writeStallMs: number
  /** A kept connection without a request. 0: for ever (a close by us races with the peer's next request). */
  readonly keepAliveIdleMs: number
  /** For the peer to close after we have: until then its bytes are read and thrown away. */
  readonly lingerMs: number
}

export const DEFAULT_CONNECTION_TIMEOUTS: ConnectionTimeouts = {
  firstByteMs: 15_000,
  paramsMs: 15_000,
  bodyIdleMs: 60_000,
  writeStallMs: 60_000,
  keepAliveIdleMs: 0,
  lingerMs: 5_000,
}

/** What is thrown away of a peer that goes on sending after the answer; then the connection is cut. */
export const LINGER_BYTES = 64 * 1024 * 1024

/** How often it is looked whether an answer that has begun before its body had come is to be kept on. */
export const KEEP_MS = 50
