/** The errors of the FastCGI layer. On a server connection any but the marked ones ends the connection. */
import { CodedError } from '../base/errors.ts'

export type FastCgiErrorCode =
  /** A record whose first byte is not 1: another protocol (HTTP, TLS), or lost framing. */
  | 'FASTCGI_BAD_VERSION'
  /** A record that may not stand here: an application record with id 0, or one only the other side may send. */
  | 'FASTCGI_BAD_RECORD'
  /** A record with a fixed body (BEGIN_REQUEST, END_REQUEST) of another length. */
  | 'FASTCGI_BAD_LENGTH'
  /** BEGIN_REQUEST for an id that is active. */
  | 'FASTCGI_DUPLICATE_ID'
  /** Name-value pairs that end in the middle of a pair. */
  | 'FASTCGI_BAD_PARAMS'
  /** Name-value pairs over one of the caps. Ends the request only: it is answered with 431. */
  | 'FASTCGI_PARAMS_TOO_LARGE'
  /** More aborted requests or useless records than the limits allow. */
  | 'FASTCGI_FLOOD'
  /** All connections together hold too much of requests whose PARAMS have not ended, and this one the most. */
  | 'FASTCGI_PARAMS_FLOOD'
  /** Client: the connection ended, or was given up, before the request did. */
  | 'FASTCGI_CONNECTION_LOST'
  /** Client: all 65,535 request ids are taken. */
  | 'FASTCGI_NO_FREE_ID'

/** What the peer did wrong, or (client) why a request got no answer. */
export class FastCgiError extends CodedError<FastCgiErrorCode> {}
