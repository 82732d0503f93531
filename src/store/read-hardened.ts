/**
 * Reads the hardened module of a release. It is trusted because the store wrote it: the release's digest, which the pointer
 * holds, covers the record, and the record holds the digest of these bytes. The mark of a hardened module says nothing:
 * anybody can put one there.
 */
import { readFile } from 'node:fs/promises'
import { digestOf } from './digest.ts'
import { StoreError, storeFileError } from './errors.ts'
import type { LiveHandler } from './release-reader.ts'

/** Rejects with STORE_DAMAGED, STORE_UNREADABLE. */
export async function readHardened({
  hardenedPath,
  digest,
  release,
}: Pick<LiveHandler, 'hardenedPath' | 'digest' | 'release'>): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = await readFile(hardenedPath)
  } catch (cause) {
    throw storeFileError(`read ${hardenedPath}`, cause)
  }
  const actual = digestOf(bytes)
  if (actual === release.hardened.digest) return bytes
  throw new StoreError(
    'STORE_DAMAGED',
    `Cannot run release ${digest}: its hardened module has digest ${actual}, wanted ${release.hardened.digest}`,
    { details: { release: digest } },
  )
}
