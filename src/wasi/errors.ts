/** Errors of the preview 1 host towards its caller. Guests never see them: they get errnos. */
import { CodedError } from '../base/errors.ts'

export type WasiErrorCode =
  /** The module imports a function preview 1 does not have. */
  | 'WASI_UNKNOWN_IMPORT'
  /** A session was begun while the stack of an earlier one may still run. */
  | 'WASI_NOT_REUSABLE'
  /** A directory to be granted cannot be opened. */
  | 'WASI_BAD_DIRECTORY'

export class WasiError extends CodedError<WasiErrorCode> {}
