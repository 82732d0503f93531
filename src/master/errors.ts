/** Why the master cannot do what it is asked to. */
import { CodedError } from '../base/errors.ts'

export type MasterErrorCode =
  /** A pool's user or group does not exist. */
  | 'MASTER_UNKNOWN_ACCOUNT'
  /** A pool has a user or group, and the master is not root. */
  | 'MASTER_NOT_ROOT'
  /** A listen address cannot be opened. */
  | 'MASTER_LISTEN_FAILED'
  /** A worker ended, or took too long, before it was ready. */
  | 'MASTER_WORKER_FAILED'
  /** The command does not fit what the master is doing: it is stopping, or another reload is under way. */
  | 'MASTER_BUSY'
  /** A master runs on this configuration already. */
  | 'MASTER_ALREADY_RUNNING'
  /** No master runs on this configuration, or it may not be talked to. */
  | 'MASTER_NOT_RUNNING'
  /** A new program could not take the place of the one that runs. */
  | 'MASTER_UPGRADE_FAILED'
  /** A file the master needs (process id, log) cannot be written. */
  | 'MASTER_FILE'

export class MasterError extends CodedError<MasterErrorCode> {}

export function masterBusy(what: string, problem: string): MasterError {
  return new MasterError(
    'MASTER_BUSY',
    `Cannot ${what}: ${problem}, wanted a master with nothing else to do`,
  )
}
