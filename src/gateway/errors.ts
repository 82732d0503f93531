/** Why the gateway finds no handler for a request. */
import { CodedError } from '../base/errors.ts'

export type GatewayErrorCode =
  /** No tenant has this host, or the web server named one that does not exist in this pool. */
  | 'GATEWAY_UNKNOWN_TENANT'
  /** The tenant has no handler for this path. */
  | 'GATEWAY_UNKNOWN_HANDLER'
  /** The published handler there does not take this method; `details.allow`: those it takes. */
  | 'GATEWAY_WRONG_METHOD'
  /** The variables of the request, its header fields among them, are more than the tenant may take. */
  | 'GATEWAY_PARAMS_TOO_LARGE'
  /** The request's body is longer than the tenant may take. */
  | 'GATEWAY_BODY_TOO_LARGE'
  /** The body ended before CONTENT_LENGTH bytes, or went on after them. */
  | 'GATEWAY_BODY_MISMATCH'
  /** A file of a release is not what its listing says, or cannot be read. */
  | 'GATEWAY_FILE_UNREADABLE'
  /** Nobody wants the rest of a file any more. */
  | 'GATEWAY_CLIENT_GONE'

export class GatewayError extends CodedError<GatewayErrorCode> {}

/** `allow`: methods that are taken. */
export function wrongMethodError(
  { method, path }: { readonly method: string; readonly path: string },
  allow: readonly string[],
): GatewayError {
  const methods = allow.join(', ')
  return new GatewayError(
    'GATEWAY_WRONG_METHOD',
    `Cannot answer ${method} ${path}: the handler there takes ${methods}`,
    { details: { allow: methods } },
  )
}
