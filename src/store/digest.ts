/** SHA-256 digests: the names of everything in a store that never changes. */
import { createHash } from 'node:crypto'

/** 64 hexadecimal digits, lower case. */
export type Digest = string

export function digestOf(bytes: Uint8Array): Digest {
  return createHash('sha256').update(bytes).digest('hex')
}

export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text)
}
