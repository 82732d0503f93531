/**
 * Reads a release's module for running it. The hardened one is trusted because the store wrote it: the release's digest,
 * which the pointer holds, covers the record, and the record holds the digest of these bytes. The mark of a hardened
 * module says nothing: anybody can put one there.
 */
import { openFile } from '../base/opened-file.ts'
import { CONTRACT_VERSION } from '../wasm/contract.ts'
import { type Digest, digestOf } from './digest.ts'
import { StoreError, storeFileError } from './errors.ts'
import type { Release } from './release.ts'
import type { LiveHandler } from './release-reader.ts'

/**
 * Whether the hardened module may run as it is, for a tenant whose instances may have `memoryMaxBytes`; else the original
 * is hardened anew. The limit is written into the module, and the contract is that of the program that hardened it.
 */
export function canRunHardened({ hardened }: Release, memoryMaxBytes: number): boolean {
  return hardened.contract === CONTRACT_VERSION && hardened.memoryMaxBytes <= memoryMaxBytes
}

/** Rejects with STORE_DAMAGED, STORE_UNREADABLE, STORE_IO. */
export function readHardened(handler: LiveHandler): Promise<Uint8Array<ArrayBuffer>> {
  return readModule(handler, handler.hardenedPath, handler.release.hardened.digest)
}

/** The module as published. Rejects as `readHardened` does. */
export function readOriginal(handler: LiveHandler): Promise<Uint8Array<ArrayBuffer>> {
  return readModule(handler, handler.originalPath, handler.release.original.digest)
}

async function readModule(
  { digest: release }: LiveHandler,
  path: string,
  wanted: Digest,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer>
  try {
    using file = openFile(path)
    bytes = new Uint8Array(file.stats.size)
    await file.fill(bytes)
  } catch (cause) {
    throw storeFileError(`read ${path}`, cause)
  }
  const actual = digestOf(bytes)
  if (actual === wanted) return bytes
  throw new StoreError(
    'STORE_DAMAGED',
    `Cannot run release ${release}: its module ${path} has digest ${actual}, wanted ${wanted}`,
    { details: { release } },
  )
}
