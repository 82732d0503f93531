/** Why what a server has written down cannot be shown. */
import { CodedError } from '../base/errors.ts'

export type LogsErrorCode =
  /** No log of the configuration is a file. */
  | 'LOGS_NO_FILE'
  /** A log that cannot be read: no right to, or no plain file. */
  | 'LOGS_UNREADABLE'

export class LogsError extends CodedError<LogsErrorCode> {}

/** Makes the error for a configuration none of whose logs is a file; `notes`: where they go instead. */
export function noLogFile(notes: readonly string[]): LogsError {
  const found = ['none is a file', ...notes].join('; ')
  return new LogsError(
    'LOGS_NO_FILE',
    `Cannot show logs: ${found}, wanted error_log, access_log or slowlog in a file`,
  )
}
