/** Why the admin API refuses, and what its clients and tokens can run into. docs/admin.md has what to do about each. */
import { CodedError } from '../base/errors.ts'

export type AdminErrorCode =
  /** A token is needed, and there was none. */
  | 'ADMIN_NO_TOKEN'
  /** What was sent is no token, or one that is not known (any more). */
  | 'ADMIN_BAD_TOKEN'
  /** The token was good until a time that has passed. */
  | 'ADMIN_EXPIRED_TOKEN'
  /** Only operators may do that; or a token was asked for that could do more than the one that asks. */
  | 'ADMIN_FORBIDDEN'
  /** The token has not the scope that this takes (`details.scope`). */
  | 'ADMIN_MISSING_SCOPE'
  /** There is no such tenant, or the token belongs to another one. */
  | 'ADMIN_UNKNOWN_TENANT'
  /** There is nothing at this path. */
  | 'ADMIN_UNKNOWN_PATH'
  /** There is no token of this id. */
  | 'ADMIN_UNKNOWN_TOKEN'
  /** The path does not know this method. */
  | 'ADMIN_BAD_METHOD'
  /** A parameter or the body is not what it should be. */
  | 'ADMIN_BAD_REQUEST'
  /** The body is of a type that is not understood here. */
  | 'ADMIN_BAD_MEDIA_TYPE'
  /** The body has more bytes than may be. */
  | 'ADMIN_BODY_TOO_LARGE'
  /** The body has paused for too long. */
  | 'ADMIN_BODY_TIMEOUT'
  /** The body has ended before it was whole. */
  | 'ADMIN_BODY_CUT'
  /** The archive cannot be read. */
  | 'ADMIN_BAD_ARCHIVE'
  /** An entry of the archive is no plain file or folder, or its name leads elsewhere. */
  | 'ADMIN_BAD_ENTRY'
  /** The archive holds more than a named limit (`details.limit`). */
  | 'ADMIN_ARCHIVE_LIMIT'
  /** Too many requests, or too many bad tokens, in a minute. */
  | 'ADMIN_RATE_LIMIT'
  /** As many uploads, readers of logs or requests as may be are under way. */
  | 'ADMIN_BUSY'
  /** The file of tokens cannot be read or written, or is not to be trusted. */
  | 'ADMIN_TOKEN_FILE'
  /** There are as many tokens as there may be. */
  | 'ADMIN_TOO_MANY_TOKENS'
  /** The master does not answer. */
  | 'ADMIN_NO_MASTER'
  /** Client: the server cannot be reached, or went away before it answered. */
  | 'ADMIN_UNREACHABLE'
  /** Client: what answers is no admin API. */
  | 'ADMIN_STRANGE_ANSWER'
  /** Client: what the server has stored is not what was sent, and is not signed. */
  | 'ADMIN_OTHER_RELEASE'

export class AdminError extends CodedError<AdminErrorCode> {}

/** Makes the error for an archive that holds too much. */
export function archiveLimitError(limit: string, actual: number, wanted: number): AdminError {
  return new AdminError(
    'ADMIN_ARCHIVE_LIMIT',
    `Cannot unpack the archive: ${limit} is ${actual}, wanted at most ${wanted}`,
    { details: { limit, actual, wanted } },
  )
}
