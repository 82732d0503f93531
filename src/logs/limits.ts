/** How much of a log is read, and what may be in its place. */

export interface LogLimits {
  /** Bytes that are read of what was there before, at most. */
  readonly tailBytes: number
  /** Characters of an unfinished line that are kept. */
  readonly lineChars: number
  /** Bytes that a reader may be behind what is written; beyond, it goes on near the end. */
  readonly behindBytes: number
  /** Whether a log may be a link to one, or have several names. */
  readonly mayBeLink: boolean
}

const MIB = 1024 * 1024

/** For whoever may read the files anyway. */
export const LOCAL_LOG_LIMITS: LogLimits = {
  tailBytes: 16 * MIB,
  lineChars: MIB,
  behindBytes: Number.POSITIVE_INFINITY,
  mayBeLink: true,
}
