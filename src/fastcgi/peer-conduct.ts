/** Counts what only a hostile or broken peer does a lot of. Counts, not rates: there is no clock here. */
import { FastCgiError } from './errors.ts'

export interface ConductLimits {
  /** By how many the aborted requests of a connection may outnumber the answered ones. */
  readonly abortedRequests: number
  /** Records without any effect since the last answered request: empty, repeated, unknown, for nobody. */
  readonly uselessRecords: number
}

/** Ignored records from this size on are the rest of a body nobody read, which real peers do send. */
const BODY_PIECE_BYTES = 16

export class PeerConduct {
  readonly #limits: ConductLimits
  #aborted = 0
  #useless = 0

  constructor(limits: ConductLimits) {
    this.#limits = limits
  }

  /** A request was answered to its end. */
  countAnswered(): void {
    this.#useless = 0
    this.#aborted = Math.max(0, this.#aborted - 1)
  }

  /** A request was aborted. Answers `FASTCGI_FLOOD` once it is one too many. */
  countAborted(): FastCgiError | undefined {
    if (++this.#aborted <= this.#limits.abortedRequests) return undefined
    return flood(`${this.#aborted} more requests aborted than answered`)
  }

  /** A record of `contentLength` bytes was ignored. Answers `FASTCGI_FLOOD` once it is one too many. */
  countUseless(contentLength: number): FastCgiError | undefined {
    if (contentLength >= BODY_PIECE_BYTES) return undefined
    if (++this.#useless <= this.#limits.uselessRecords) return undefined
    return flood(`${this.#useless} records without effect`)
  }
}

function flood(actual: string): FastCgiError {
  return new FastCgiError('FASTCGI_FLOOD', `Cannot go on with this peer: ${actual}`)
}
