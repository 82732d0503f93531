/**
 * Refuses releases that none of a tenant's signers has signed, or whose bytes are others than those that were signed. The
 * signature covers the record's digest; the record covers the modules and the listing; the listing covers the files.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { openFile } from '../base/opened-file.ts'
import type { Digest } from './digest.ts'
import { StoreError, storeFileError } from './errors.ts'
import type { Layout } from './layout.ts'
import type { PublicKey } from './public-key.ts'
import { type ImageFile, modulesOf, type StoredBytes } from './release.ts'
import { decodeSignature, isSignedBy, MAX_SIGNATURE_FILE_BYTES, type Signed } from './signature.ts'
import type { StoreFiles } from './store-files.ts'
import type { StoreReading } from './store-reading.ts'

export interface VerifyContext {
  readonly layout: Layout
  readonly files: StoreFiles
  readonly reading: StoreReading
  readonly signers: readonly PublicKey[]
}

const CHUNK_BYTES = 256 * 1024

/** Rejects with STORE_UNSIGNED, STORE_BAD_SIGNATURE, STORE_DAMAGED. Reads every byte of the release, a piece at a time. */
export async function verifyRelease(signed: Signed, context: VerifyContext): Promise<void> {
  const { layout, reading } = context
  await verifySignature(signed, context)
  const release = await reading.release(signed.release)
  const { image } = release
  for (const module of modulesOf(release)) {
    await verifyFile(signed.release, layout.blob(module.digest), module)
  }
  if (image === undefined) return
  const listing = await reading.listing(image.digest)
  const root = layout.image(image.digest)
  await refuseForeignFiles(signed.release, { root, listing, files: context.files })
  for (const file of listing) await verifyFile(signed.release, join(root, file.path), file)
}

/** Only the signature. Rejects with STORE_UNSIGNED, STORE_BAD_SIGNATURE. */
export async function verifySignature(
  signed: Signed,
  { layout, files, signers }: Pick<VerifyContext, 'layout' | 'files' | 'signers'>,
): Promise<void> {
  const { tenant, release } = signed
  let failure: StoreError | undefined
  for (const signer of signers) {
    const path = layout.signature(tenant, release, signer.id)
    const bytes = await files.read(path, MAX_SIGNATURE_FILE_BYTES)
    if (bytes === undefined) continue
    try {
      const signature = decodeSignature(bytes, path)
      const isNamed = signature.publicKey.text === signer.text
      if (isNamed && isSignedBy(signer, signature, signed)) return
      failure = badSignature(signed, signer)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      failure = error
    }
  }
  if (failure !== undefined) throw failure
  throw new StoreError(
    'STORE_UNSIGNED',
    `Cannot use release ${release} for ${tenant}: none of its ${signers.length} signers has signed it, wanted one of ${signers.map(({ text }) => text).join(', ')}`,
    { details: { tenant, release } },
  )
}

function badSignature({ tenant, release }: Signed, { text }: PublicKey): StoreError {
  return new StoreError(
    'STORE_BAD_SIGNATURE',
    `Cannot use release ${release} for ${tenant}: what lies there as the signature of ${text} is of something else, wanted its signature`,
    { details: { tenant, release } },
  )
}

interface Image {
  readonly root: string
  readonly listing: readonly ImageFile[]
  readonly files: StoreFiles
}

/** A file that nobody signed must not be served with those that somebody did. */
async function refuseForeignFiles(release: Digest, { root, listing, files }: Image): Promise<void> {
  const listed = new Set(listing.map(({ path }) => path))
  const visit = async (folder: string): Promise<void> => {
    for (const { name, kind } of await files.list(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (kind === 'folder') await visit(path)
      else if (kind !== 'file' || !listed.has(path)) {
        throw damaged(
          release,
          join(root, path),
          'it should not be there',
          'the files that were published',
        )
      }
    }
  }
  await visit('')
}

/** A piece at a time: requests are answered in between. */
async function verifyFile(release: Digest, path: string, wanted: StoredBytes): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    using file = openFile(path)
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, wanted.bytes + 1))
    while (bytes <= wanted.bytes) {
      const bytesRead = await file.read(buffer)
      if (bytesRead === 0) break
      bytes += bytesRead
      hash.update(buffer.subarray(0, bytesRead))
    }
  } catch (cause) {
    throw storeFileError(`read ${path}`, cause)
  }
  const actual = hash.digest('hex')
  if (actual === wanted.digest && bytes === wanted.bytes) return
  throw damaged(release, path, `it has digest ${actual}`, wanted.digest)
}

function damaged(release: Digest, path: string, actual: string, wanted: string): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `Cannot run release ${release}: ${path} is not what was published: ${actual}, wanted ${wanted}`,
    { details: { release } },
  )
}
