/** Why a request gets no instance. */
import { CodedError } from '../base/errors.ts'

export type PoolErrorCode =
  /** All of the tenant's instances are busy and its queue is full. */
  | 'POOL_QUEUE_FULL'
  /** The request waited in its tenant's queue for as long as it may. */
  | 'POOL_QUEUE_TIMEOUT'
  /** The web server gave the request up while it waited. */
  | 'POOL_ABORTED'
  /** The worker is shutting down and takes no new work. */
  | 'POOL_STOPPING'

export class PoolError extends CodedError<PoolErrorCode> {}
