/** Why the gateway finds no handler for a request. */
import { CodedError } from '../base/errors.ts'

export type GatewayErrorCode =
  /** No tenant has this host, or the web server named one that does not exist in this pool. */
  | 'GATEWAY_UNKNOWN_TENANT'
  /** The tenant has no handler for this path. */
  | 'GATEWAY_UNKNOWN_HANDLER'
  /** The variables of the request, its header fields among them, are more than the tenant may take. */
  | 'GATEWAY_PARAMS_TOO_LARGE'
  /** The request's body is longer than the tenant may take. */
  | 'GATEWAY_BODY_TOO_LARGE'
  /** The body ended before CONTENT_LENGTH bytes, or went on after them. */
  | 'GATEWAY_BODY_MISMATCH'
  /** The worker refuses new requests because it is shutting down. */
  | 'GATEWAY_STOPPING'

export class GatewayError extends CodedError<GatewayErrorCode> {}
