/** Why a module does not go live. What is wrong with its binary format is said by `wasm/errors.ts`. */
import { CodedError } from '../base/errors.ts'

export type PublisherErrorCode =
  /** The job cannot be understood, or its module cannot be read: our own fault. */
  | 'PUBLISHER_BAD_JOB'
  /** The module imports something nobody provides, or lacks an export its contract wants. */
  | 'PUBLISHER_WRONG_CONTRACT'
  /** The manifest wants `reset`, and the module keeps state that cannot be put back. */
  | 'PUBLISHER_NOT_RESETTABLE'
  /** wasm-tools refuses the component. */
  | 'PUBLISHER_INVALID_COMPONENT'
  /** A component's world cannot be printed: wasm-tools is not there to do it, or it is too long. */
  | 'PUBLISHER_NO_WIT'
  /** V8 refuses the module. */
  | 'PUBLISHER_INVALID_MODULE'
  /** The handler trapped, was stopped, or failed when it was probed. */
  | 'PUBLISHER_PROBE_FAILED'
  /** It answered the probe, but not as it should. */
  | 'PUBLISHER_PROBE_ANSWER'
  /** The application of a release cannot be imported. */
  | 'PUBLISHER_NO_APPLICATION'

export class PublisherError extends CodedError<PublisherErrorCode> {}
