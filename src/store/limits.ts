/** How large releases and stores may become; every one of these bounds what one publisher can take from the others. */

const MIB = 1024 * 1024

export interface StoreLimits {
  /** Bytes of `wasm-fpm.json`. */
  readonly manifestBytes: number
  /** Bytes of the module as published. */
  readonly moduleBytes: number
  /** Bytes of the hardened module. */
  readonly hardenedBytes: number
  /** Files of one release. */
  readonly files: number
  /** Folders of one release's files. */
  readonly folders: number
  /** Bytes of one file. */
  readonly fileBytes: number
  /** Bytes of all files of one release. */
  readonly imageBytes: number
  /** Bytes of a file's path below the folder of files. */
  readonly pathBytes: number
  /** Folders inside each other. */
  readonly pathDepth: number
  /** Routes of one handler. */
  readonly routes: number
  /** Live handlers of one tenant. */
  readonly handlers: number
  /** Releases one tenant keeps; older ones are given up by `collect --keep`. */
  readonly releases: number
  /** How long a publisher waits for another one to finish, in milliseconds. */
  readonly lockWaitMs: number
}

export const DEFAULT_STORE_LIMITS: StoreLimits = {
  manifestBytes: 64 * 1024,
  moduleBytes: 64 * MIB,
  hardenedBytes: 256 * MIB,
  files: 10_000,
  folders: 2_000,
  fileBytes: 64 * MIB,
  imageBytes: 256 * MIB,
  pathBytes: 1024,
  pathDepth: 32,
  routes: 64,
  handlers: 64,
  releases: 1_000,
  lockWaitMs: 30_000,
}

/** Most bytes of a file the store itself makes: a release record, a listing, a pointer. */
export const MAX_OWN_FILE_BYTES = 32 * MIB
