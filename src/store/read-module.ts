/**
 * Reads a release's module for running it. The hardened one is trusted because the store wrote it: the release's digest,
 * which the pointer holds, covers the record, and the record holds the digest of these bytes. The mark of a hardened
 * module says nothing: anybody can put one there.
 */
import { createHash } from 'node:crypto'
import { openFile } from '../base/opened-file.ts'
import { CONTRACT_VERSION } from '../wasm/contract.ts'
import { StoreError, storeFileError } from './errors.ts'
import type { HardenedModule, StoredBytes } from './release.ts'
import type { LiveHandler } from './release-reader.ts'

/** What a tenant may have when a release runs. */
interface RunLimits {
  readonly memoryMaxBytes: number
  readonly functionBytes: number
}

/**
 * Whether the hardened module may run as it is within `limits`; else the original is hardened anew, or refused. How much memory
 * it may have is written into the module, and the contract is that of the program that hardened it.
 */
export function canRunHardened(
  { contract, memoryMaxBytes, functionBytes = Number.POSITIVE_INFINITY }: HardenedModule,
  limits: RunLimits,
): boolean {
  return (
    contract === CONTRACT_VERSION &&
    memoryMaxBytes <= limits.memoryMaxBytes &&
    functionBytes <= limits.functionBytes
  )
}

/** Rejects with STORE_DAMAGED, STORE_UNREADABLE, STORE_IO. */
export function readHardened(handler: LiveHandler): Promise<Uint8Array<ArrayBuffer>> {
  return readModule(handler, handler.hardenedPath, handler.release.hardened)
}

/** The module as published. Rejects as `readHardened` does. */
export function readOriginal(handler: LiveHandler): Promise<Uint8Array<ArrayBuffer>> {
  return readModule(handler, handler.originalPath, handler.release.original)
}

const STEP_BYTES = 1024 * 1024

async function readModule(
  { digest: release }: LiveHandler,
  path: string,
  stored: StoredBytes | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const wanted = stored?.digest
  let bytes: Uint8Array<ArrayBuffer>
  const hash = createHash('sha256')
  try {
    using file = openFile(path)
    bytes = new Uint8Array(file.stats.size)
    // A digest of all of it at once would hold up requests.
    for (let at = 0; at < bytes.length; at += STEP_BYTES) {
      const step = bytes.subarray(at, at + STEP_BYTES)
      await file.fill(step, at)
      hash.update(step)
    }
  } catch (cause) {
    throw storeFileError(`read ${path}`, cause)
  }
  const actual = hash.digest('hex')
  if (actual === wanted) return bytes
  throw new StoreError(
    'STORE_DAMAGED',
    `Cannot run release ${release}: its module ${path} has digest ${actual}, wanted ${wanted}`,
    { details: { release } },
  )
}
