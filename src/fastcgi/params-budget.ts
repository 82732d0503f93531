/**
 * What all connections of a process may hold of requests whose PARAMS have not ended. One connection may hold a lot of that;
 * thousands may not. When it is too much, whoever holds the most is given up: a web server sends PARAMS in one go, so the
 * requests of others, which hold little and not for long, are not touched.
 */
import { FastCgiError } from './errors.ts'
import type { GatheredBytes } from './gathered-bytes.ts'

export const DEFAULT_UNFINISHED_PARAMS_BYTES = 64 * 1024 * 1024

/** What a request costs before its PARAMS have ended, beside them. */
export const UNFINISHED_REQUEST_BYTES = 1024

export class ParamsBudget {
  readonly #maxBytes: number
  /** What each is known to hold. */
  readonly #held = new Map<ParamsAccount, number>()
  #bytes = 0

  constructor(maxBytes: number = DEFAULT_UNFINISHED_PARAMS_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** Of all connections together. */
  get bytes(): number {
    return this.#bytes
  }

  /** `account` holds what it says now. May give up any of them, this one too. */
  settle(account: ParamsAccount): void {
    const { bytes } = account
    this.#bytes += bytes - (this.#held.get(account) ?? 0)
    if (bytes === 0) this.#held.delete(account)
    else this.#held.set(account, bytes)
    while (this.#bytes > this.#maxBytes && this.#held.size > 0) this.#giveUpLargest()
  }

  #giveUpLargest(): void {
    const all = this.#bytes
    let most = 0
    let largest: ParamsAccount | undefined
    for (const [account, bytes] of this.#held) {
      if (bytes > most) [largest, most] = [account, bytes]
    }
    largest?.giveUp(
      new FastCgiError(
        'FASTCGI_PARAMS_FLOOD',
        `Cannot wait for the end of PARAMS: ${most} bytes held for this connection and ${all} for all, wanted at most ${this.#maxBytes} for all`,
      ),
    )
  }
}

/** What a request holds of it. */
interface Unfinished {
  countedParams: number
  readonly gatheredParams: GatheredBytes
}

/** One connection's part. */
export class ParamsAccount {
  readonly #budget: ParamsBudget
  readonly #close: (error: FastCgiError) => void
  #bytes = 0
  #settledBytes = 0

  /** `close` ends the connection, all of whose requests are forgotten then. */
  constructor(budget: ParamsBudget, close: (error: FastCgiError) => void) {
    this.#budget = budget
    this.#close = close
  }

  get bytes(): number {
    return this.#bytes
  }

  count(request: Unfinished, bytes: number): void {
    request.countedParams += bytes
    this.#bytes += bytes
  }

  forget(request: Unfinished): void {
    this.count(request, -request.countedParams)
    request.gatheredParams.clear()
  }

  /** Tells the budget. Not at every record: PARAMS that come whole, as they nearly always do, are none of its business. */
  settle(): void {
    if (this.#bytes === this.#settledBytes) return
    this.#settledBytes = this.#bytes
    this.#budget.settle(this)
  }

  giveUp(error: FastCgiError): void {
    this.#close(error)
  }
}
