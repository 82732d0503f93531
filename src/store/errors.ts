/** What can go wrong with a store of releases and with publishing into it. */
import { CodedError, systemCodeOf } from '../base/errors.ts'
import { OpenError } from '../base/opened-file.ts'

export type StoreErrorCode =
  /** There is no store in the folder, or one of another format. */
  | 'STORE_NOT_A_STORE'
  /** A file of the store, or of what is to be published, cannot be read. */
  | 'STORE_UNREADABLE'
  /** The store may not be written to by this user, or not at all. */
  | 'STORE_NOT_WRITABLE'
  /** The disk, or the user's share of it, is full. Nothing has been changed. */
  | 'STORE_FULL'
  /** The file system failed in another way. */
  | 'STORE_IO'
  /** Somebody else has been changing the store for longer than this was willing to wait. */
  | 'STORE_BUSY'
  /** Bytes of the store are not what their digest says, or a file of its own making cannot be understood. */
  | 'STORE_DAMAGED'
  /** The name of a tenant, a handler or a runtime is not one. */
  | 'STORE_BAD_NAME'
  /** `wasm-fpm.json` is missing, is not JSON, or says something it must not. */
  | 'STORE_BAD_MANIFEST'
  /** What is to be published holds something that is no plain file or folder, or that changed while it was read. */
  | 'STORE_BAD_FILE'
  /** More or larger than a named limit (`details.limit`). */
  | 'STORE_LIMIT_EXCEEDED'
  /** The manifest asks for more than the tenant has. */
  | 'STORE_OVER_TENANT_LIMIT'
  /** The manifest names a runtime that the tenant does not have. */
  | 'STORE_NO_RUNTIME'
  /** There is no script for its runtime in what is to be published. */
  | 'STORE_NO_SCRIPTS'
  /** Another handler of the tenant answers that route already. */
  | 'STORE_ROUTE_TAKEN'
  /** The tenant has published nothing of that digest. */
  | 'STORE_UNKNOWN_RELEASE'
  /** The tenant has no live handler of that name, or several and none was named. */
  | 'STORE_UNKNOWN_HANDLER'
  /** There is nothing older to go back to. */
  | 'STORE_NO_OLDER_RELEASE'
  /** A release cannot be a canary: nothing is live for it to stand beside, it is live itself, or its routes are others. */
  | 'STORE_BAD_CANARY'
  /** The handler has no canary. */
  | 'STORE_NO_CANARY'
  /** A file or a line is no ed25519 key, or a private key that others may read. */
  | 'STORE_BAD_KEY'
  /** The tenant demands a signature, and none of its signers has signed the release. */
  | 'STORE_UNSIGNED'
  /** There is a signature, and it is not of this release for this tenant by that signer. */
  | 'STORE_BAD_SIGNATURE'
  /** The process that verifies modules could not be started, or died. */
  | 'STORE_PUBLISHER_FAILED'
  /** It took longer than it may, and was killed. */
  | 'STORE_PUBLISHER_TIMEOUT'
  /** It used more memory than it may, and was killed. */
  | 'STORE_PUBLISHER_MEMORY'

export class StoreError extends CodedError<StoreErrorCode> {}

/** Makes the error for something larger than its limit. `what`: begins the sentence after "Cannot". */
export function storeLimitError(
  what: string,
  {
    limit,
    actual,
    wanted,
  }: { readonly limit: string; readonly actual: number; readonly wanted: number },
): StoreError {
  return new StoreError(
    'STORE_LIMIT_EXCEEDED',
    `Cannot ${what}: ${limit} is ${actual}, wanted at most ${wanted}`,
    { details: { limit, actual, wanted } },
  )
}

const FILE_CODES: ReadonlyMap<string, 'STORE_FULL' | 'STORE_NOT_WRITABLE'> = new Map([
  ['ENOSPC', 'STORE_FULL'],
  ['EDQUOT', 'STORE_FULL'],
  // What a process may write to one file (ulimit -f): a full disk of its own.
  ['EFBIG', 'STORE_FULL'],
  ['EACCES', 'STORE_NOT_WRITABLE'],
  ['EPERM', 'STORE_NOT_WRITABLE'],
  ['EROFS', 'STORE_NOT_WRITABLE'],
  ['ERR_ACCESS_DENIED', 'STORE_NOT_WRITABLE'],
])

/** The error for what `node:fs` throws. `doing`: the rest of "Cannot ...", with the path. */
export function storeFileError(doing: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const systemCode = cause instanceof OpenError ? cause.systemCode : systemCodeOf(cause)
  const isReading = doing.startsWith('read ')
  const known = FILE_CODES.get(systemCode)
  const code = known === 'STORE_NOT_WRITABLE' && isReading ? 'STORE_UNREADABLE' : known
  return new StoreError(code ?? 'STORE_IO', `Cannot ${doing}: ${systemCode}, ${wantedFor(code)}`, {
    cause,
    details: { systemCode },
  })
}

function wantedFor(code: string | undefined): string {
  switch (code) {
    case 'STORE_FULL':
      return 'wanted free space on the disk (`wasm-fpm collect` removes what no release names)'
    case 'STORE_NOT_WRITABLE':
      return 'wanted the right to write there'
    case 'STORE_UNREADABLE':
      return 'wanted the right to read it'
    default:
      return 'wanted a file system that works'
  }
}
