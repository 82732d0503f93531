/** A store elsewhere that is followed. */
import type { ReplicaSource } from '../store/replica-source.ts'

/** What a source has. */
export interface SeenPointers {
  /** The files of all pointers, by tenant. The source's own: it may change with the next look. */
  readonly all: ReadonlyMap<string, Uint8Array>
  /** Tenants whose pointers may be others than at the last answer, or gone; undefined: any may. */
  readonly changed: ReadonlySet<string> | undefined
}

export interface ReleaseSource extends ReplicaSource {
  /**
   * Undefined: nothing has changed since the last time that there was an answer. Rejects with `FollowError` (FOLLOW_NO_SOURCE,
   * FOLLOW_STRANGE_ANSWER).
   */
  look(): Promise<SeenPointers | undefined>
  /** Calls back when something may have changed, from now on; undefined: it never does. */
  watch?(changed: () => void): void
}
