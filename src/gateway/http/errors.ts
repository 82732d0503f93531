/** What goes wrong between the built-in HTTP front and the FastCGI listener behind it. */
import { CodedError } from '../../base/errors.ts'

export type HttpFrontErrorCode =
  /** The front's own address cannot be listened on. */
  | 'GATEWAY_HTTP_LISTEN_FAILED'
  /** The FastCGI address is one that only its owner can use (an inherited descriptor). */
  | 'GATEWAY_HTTP_NO_BACKEND'
  /** The application's answer is not a CGI response. */
  | 'GATEWAY_HTTP_BAD_RESPONSE'

export class HttpFrontError extends CodedError<HttpFrontErrorCode> {}
