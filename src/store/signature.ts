/**
 * Signatures of releases. What is signed is a text of four lines:
 *
 *     wasm-fpm release v1
 *     TENANT
 *     DIGEST of the release
 *     (empty)
 *
 * The digest stands for every byte of the release; the tenant is in it so that one tenant's release is none of another's.
 */
import { sign, verify } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import type { Digest } from './digest.ts'
import { StoreError } from './errors.ts'
import { type PublicKey, parsePublicKey } from './public-key.ts'
import type { SigningKey } from './signing-key.ts'

export interface Signature {
  /** Says who signed. Trust comes from the tenant's signers, and from nothing in here. */
  readonly publicKey: PublicKey
  /** 64 bytes. */
  readonly bytes: Uint8Array
}

export interface Signed {
  readonly tenant: string
  readonly release: Digest
}

const SIGNATURE_BYTES = 64

/** Most bytes of a signature's file. */
export const MAX_SIGNATURE_FILE_BYTES = 1024

export function signRelease({ key, publicKey }: SigningKey, signed: Signed): Signature {
  return { publicKey, bytes: sign(null, signedText(signed), key) }
}

/** Whether `key` has signed it. */
export function isSignedBy({ key }: PublicKey, { bytes }: Signature, signed: Signed): boolean {
  return verify(null, signedText(signed), key, bytes)
}

function signedText({ tenant, release }: Signed): Buffer {
  return Buffer.from(`wasm-fpm release v1\n${tenant}\n${release}\n`)
}

/** What a signature's file has in it. */
export function encodeSignature({ publicKey, bytes }: Signature): Uint8Array {
  const signature = Buffer.from(bytes).toString('base64')
  return Buffer.from(canonicalJson({ format: 1, key: publicKey.text, signature }))
}

/** Throws STORE_BAD_SIGNATURE for what `encodeSignature` would not have written, to the byte. `what`: the file. */
export function decodeSignature(bytes: Uint8Array, what: string): Signature {
  try {
    const table = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
      readonly key?: unknown
      readonly signature?: unknown
    }
    const signature: Signature = {
      publicKey: parsePublicKey(String(table.key)),
      bytes: Buffer.from(String(table.signature), 'base64'),
    }
    const isWhole = signature.bytes.length === SIGNATURE_BYTES
    if (isWhole && Buffer.compare(encodeSignature(signature), bytes) === 0) return signature
  } catch (cause) {
    throw badSignature(what, cause)
  }
  throw badSignature(what)
}

function badSignature(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'STORE_BAD_SIGNATURE',
    `Cannot read ${what}: it is not what this program writes, wanted a signature (format 1)`,
    { cause },
  )
}
