/** Why the store of this machine cannot be brought in step with a source. */
import { CodedError } from '../base/errors.ts'

export type FollowErrorCode =
  /** The address of a source is none that can be followed. */
  | 'FOLLOW_BAD_SOURCE'
  /** What the `env_file` has is not what the source can be shown. */
  | 'FOLLOW_BAD_SECRETS'
  /** The `ca` is no file of certificates, or cannot be read. */
  | 'FOLLOW_BAD_CA'
  /** The server of a source is of a version that can lose what it was given. */
  | 'FOLLOW_OLD_SERVER'
  /** What there is to be told of a tenant is more than the server takes in one message. */
  | 'FOLLOW_RECORD_TOO_LARGE'
  /** The source cannot be reached, or there is no store: what is served here goes on. */
  | 'FOLLOW_NO_SOURCE'
  /** The source answers something that it must not. */
  | 'FOLLOW_STRANGE_ANSWER'

export class FollowError extends CodedError<FollowErrorCode> {}

export function noSource(name: string, problem: string, cause?: unknown): FollowError {
  return new FollowError(
    'FOLLOW_NO_SOURCE',
    `Cannot follow ${name}: ${problem}, wanted a store of releases that can be read`,
    { cause },
  )
}

export function strangeAnswer(name: string, problem: string): FollowError {
  return new FollowError(
    'FOLLOW_STRANGE_ANSWER',
    `Cannot follow ${name}: ${problem}, wanted what \`wasm-fpm export\` writes`,
  )
}
