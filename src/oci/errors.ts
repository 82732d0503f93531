/** What can go wrong between this program and a registry of OCI artifacts. */
import { CodedError, systemCodeOf } from '../base/errors.ts'

export type OciErrorCode =
  /** The text after `oci://` names no artifact, or one that cannot be pushed to. */
  | 'OCI_BAD_REFERENCE'
  /** The registry, or where it sends us, would be talked to without encryption, and nobody has allowed that. */
  | 'OCI_PLAIN_HTTP'
  /** The file of credentials cannot be read, or does not hold credentials. */
  | 'OCI_BAD_CREDENTIALS'
  /** The helper program that the file of credentials names cannot be run, or gives none. */
  | 'OCI_CREDENTIAL_HELPER'
  /** There is no connection to the registry, or it broke. */
  | 'OCI_UNREACHABLE'
  /** The registry said nothing for too long, or the whole took too long. */
  | 'OCI_TIMEOUT'
  /** The registry is overloaded or broken (429, 5xx), and still was after several tries. */
  | 'OCI_BUSY'
  /** The registry wants other credentials, or these may not do that (401, 403). */
  | 'OCI_DENIED'
  /** The registry has no such repository, tag or blob (404). */
  | 'OCI_NOT_FOUND'
  /** The registry answered with another status than the protocol has for success. */
  | 'OCI_REFUSED'
  /** What the registry answered is not the protocol. */
  | 'OCI_BAD_ANSWER'
  /** Bytes are not what their digest, or their length, says. */
  | 'OCI_DIGEST_MISMATCH'
  /** The artifact's manifest cannot be understood. */
  | 'OCI_BAD_MANIFEST'
  /** The artifact holds no WebAssembly module, or several. */
  | 'OCI_NO_MODULE'
  /** The artifact's archive holds what no folder of ours can hold: a link, a path that leads out of it, a name twice. */
  | 'OCI_BAD_ARCHIVE'
  /** More or larger than a named limit (`details.limit`). */
  | 'OCI_LIMIT_EXCEEDED'
  /** What is to be pushed is no module, and no folder with one. */
  | 'OCI_BAD_SOURCE'
  /** The machine's file system failed. */
  | 'OCI_IO'

export class OciError extends CodedError<OciErrorCode> {}

/** Makes the error for something larger than its limit. `what`: begins the sentence after "Cannot". */
export function ociLimitError(
  what: string,
  {
    limit,
    actual,
    wanted,
  }: { readonly limit: string; readonly actual: number; readonly wanted: number },
): OciError {
  return new OciError(
    'OCI_LIMIT_EXCEEDED',
    `Cannot ${what}: ${limit} is ${actual}, wanted at most ${wanted}`,
    { details: { limit, actual, wanted } },
  )
}

/** The error for what `node:fs` throws; an `OciError` stays what it is. `doing`: the rest of "Cannot ...". */
export function ociFileError(doing: string, cause: unknown): OciError {
  if (cause instanceof OciError) return cause
  const systemCode = systemCodeOf(cause)
  return new OciError('OCI_IO', `Cannot ${doing}: ${systemCode}, wanted a file system that works`, {
    cause,
    details: { systemCode },
  })
}

/** What a registry said, fit for a terminal: one line, without control characters, not long. */
export function printable(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return line.length > 200 ? `${line.slice(0, 197)}...` : line
}
