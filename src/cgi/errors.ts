/** What can be wrong with a CGI request or a CGI response. */
import { CodedError } from '../base/errors.ts'

export type CgiErrorCode =
  /** The peer sent no variables at all. */
  | 'CGI_NO_PARAMS'
  /** REQUEST_METHOD is missing or not an HTTP token. */
  | 'CGI_BAD_METHOD'
  /** CONTENT_LENGTH is not a decimal number, or was sent twice with different values. */
  | 'CGI_BAD_CONTENT_LENGTH'
  /** A NUL byte in a variable that a client can influence. */
  | 'CGI_BAD_VARIABLE'
  /** A NUL byte or a `..` segment in the path of the script. */
  | 'CGI_BAD_PATH'
  /** The guest ended before the blank line that ends the response header, or the header has no field. */
  | 'CGI_NO_HEADER'
  /** A header line that is not `Name: value`, is folded, holds a control character, or contradicts another. */
  | 'CGI_BAD_HEADER'
  /** The status is not a number from 200 to 999 (or a 1xx other than 101), or is given twice. */
  | 'CGI_BAD_STATUS'
  /** The response header has more bytes than `headerBytes`. */
  | 'CGI_HEADER_TOO_LARGE'
  /** The response header has more fields than `headerCount`. */
  | 'CGI_TOO_MANY_HEADERS'
  /** The response body has more bytes than `bodyBytes`. */
  | 'CGI_BODY_TOO_LARGE'
  /** The guest ended with fewer body bytes than its Content-Length said. */
  | 'CGI_SHORT_BODY'

/** A request we cannot make sense of, or a response we cannot send on. */
export class CgiError extends CodedError<CgiErrorCode> {}
