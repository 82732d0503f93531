/** Why what a server has written down cannot be shown. */
import { CodedError } from '../base/errors.ts'

export type LogsErrorCode =
  /** No log of the configuration is a file. */
  | 'LOGS_NO_FILE'
  /** A log that cannot be read: no right to, or no plain file. */
  | 'LOGS_UNREADABLE'

export class LogsError extends CodedError<LogsErrorCode> {}
