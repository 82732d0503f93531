/** A store elsewhere that is followed. */
import type { ReplicaSource } from '../store/replica-source.ts'

export interface ReleaseSource extends ReplicaSource {
  /**
   * The files of all pointers, by tenant; undefined: none has changed since the last time that there was an answer. Rejects with `FollowError`
   * (FOLLOW_NO_SOURCE, FOLLOW_STRANGE_ANSWER).
   */
  look(): Promise<ReadonlyMap<string, Uint8Array> | undefined>
  /** Calls back when something may have changed, from now on; undefined: it never does. */
  watch?(changed: () => void): void
}
