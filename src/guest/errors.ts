/** What can be wrong with a module before it runs. */
import { CodedError } from '../base/errors.ts'

export type GuestErrorCode =
  /** The file cannot be read. */
  | 'GUEST_UNREADABLE'
  /** A link on the way to it leads out of its tenant's root. */
  | 'GUEST_OUTSIDE_ROOT'
  /** Too many modules of the tenant wait to be loaded. */
  | 'GUEST_LOADS_WAITING'
  /** Modules, the tenant's or all, have brought more types of functions than one process may have. */
  | 'GUEST_TYPES_USED_UP'
  /** V8 refuses the module. */
  | 'GUEST_INVALID_MODULE'
  /** The module imports something nobody provides, or lacks an export its contract wants. */
  | 'GUEST_WRONG_CONTRACT'
  /** A reactor did not come to the end of its boot, or of its warm-up. */
  | 'GUEST_BOOT_FAILED'
  /** A request that was to be run ahead of all others did not come to its end. */
  | 'GUEST_WARM_REQUEST_FAILED'
  /** The runtime of a script is not there, or has not been booted. */
  | 'GUEST_NO_RUNTIME'
  /** The application that answers a tenant's requests could not be loaded. */
  | 'GUEST_NO_APPLICATION'
  /** The module's memory wants more than the tenant may use. */
  | 'GUEST_TOO_LARGE'

export class GuestError extends CodedError<GuestErrorCode> {}
