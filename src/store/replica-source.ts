/** Where a replica comes from. Paths are those of a store's layout, below its root. All reject with a `CodedError`. */
export interface ReplicaSource {
  /** For messages. */
  readonly name: string
  /** The names in a folder; none, where there is none. */
  list(folder: string): Promise<readonly string[]>
  /** A small file; undefined: there is none. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>
  /** A file of any size, at most `maxBytes`; undefined: there is none. */
  stream(path: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined>
}
