/** The words for what a web server did wrong. */
import { BEGIN_BODY_BYTES } from './begin-body.ts'
import { FastCgiError } from './errors.ts'

/** BEGIN_REQUEST with a body of `contentLength` bytes. */
export function badBegin(requestId: number, contentLength: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_BAD_LENGTH',
    `Cannot begin request ${requestId}: a body of ${contentLength} bytes, ${BEGIN_BODY_BYTES} wanted`,
  )
}

/** BEGIN_REQUEST for an active id. */
export function duplicateId(requestId: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_DUPLICATE_ID',
    `Cannot begin request ${requestId}: it is active, another id wanted`,
  )
}

/** A record of a type, or with an id, that only the other side may send. */
export function badRecord(type: number, requestId: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_BAD_RECORD',
    `Cannot take a record of type ${type} for request ${requestId}: the other side never sends it`,
  )
}
