/**
 * The two ends of a byte stream, as guests and connections see them.
 *
 * Both are pull-or-wait: an operation that cannot go on says so at once and calls back later,
 * so that a request which never has to wait never allocates a promise.
 */

/** Says "nothing yet": a read that would have to wait returns this very array. */
export const NOTHING_YET: Uint8Array = new Uint8Array(0)

/** Where bytes come from. One reader. */
export interface ByteSource {
  /**
   * Takes between 1 and `maxBytes` bytes. `NOTHING_YET` (length 0): none have arrived; `undefined`: the
   * stream has ended and will stay so. The bytes are the caller's to keep, but not to change.
   */
  read(maxBytes: number): Uint8Array | undefined
  /** Calls `wake` once, as soon as `read` would answer something other than `NOTHING_YET`; a later call replaces it. */
  onReadable(wake: () => void): void
}

/** Where bytes go. One writer. */
export interface ByteSink {
  /**
   * Takes a first part of `bytes` and returns its length; 0: full, wait for `onWritable`. Copies what it
   * takes: the caller's memory may change afterwards. After `end()`, or when nobody reads any more, it
   * swallows everything (returns `bytes.length`). Where the writer is to know that it failed: minus an errno of preview 1.
   */
  write(bytes: Uint8Array): number
  /** Calls `wake` once, as soon as `write` would take something; a later call replaces it. */
  onWritable(wake: () => void): void
  /** No more bytes will come. Idempotent. */
  end(): void
}
