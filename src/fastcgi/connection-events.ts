/** What a server connection tells its driver, and what it is told at its start. */
import type { FastCgiError } from './errors.ts'
import type { ConnectionLimits } from './limits.ts'
import type { ConnectionValues } from './management.ts'
import type { ParamsBudget } from './params-budget.ts'
import type { FastCgiRequest } from './request.ts'

/** Keeps output that it has, until its body has come. */
export interface KeepsOutput {
  readonly keepsOutput: boolean
  letOutputGo(): boolean
}

/** All of it synchronously, from within a call into the connection or one of its requests. */
export interface ConnectionEvents {
  /** PARAMS has ended and is valid; STDIN may still be arriving. */
  onRequest(request: FastCgiRequest): void
  /** PARAMS went over a cap: to be answered with 431 and ended. `params` holds the pairs that came before. */
  onBadRequest(request: FastCgiRequest, error: FastCgiError): void
  /** There is output. At most once until `takeOutput`. */
  onOutput(): void
  /**
   * An answer begins before all of the request has come. true: its beginning is kept, and `request.letOutputGo` called after some 50 ms,
   * and again as often as it answers true. Without it, all output goes out at once.
   */
  onOutputKept?(request: KeepsOutput): boolean
  /** `wantsInput` went from false to true. */
  onInputWanted(): void
  /**
   * The driver must close, once. graceful: write all output, half-close, drain a bounded amount, close. break: so
   * that the peer notices; output not yet taken is lost. `error` is what the peer did wrong, if it did.
   */
  onClose(mode: 'graceful' | 'break', error?: FastCgiError): void
}

export interface ConnectionOptions {
  readonly limits: ConnectionLimits
  /** Shared by all connections of the process. */
  readonly paramsBudget: ParamsBudget
  /** Whether requests may share the connection. */
  readonly multiplex: boolean
  /** Asked at every FCGI_GET_VALUES. */
  readonly values: () => ConnectionValues
}
