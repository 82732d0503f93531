/** Public Ed25519 keys: whose signatures a tenant demands. */

import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { systemCodeOf } from '../base/errors.ts'
import { digestOf } from './digest.ts'
import { StoreError } from './errors.ts'

export interface PublicKey {
  /** `ed25519:` and the 32 bytes in base64: as it is written in a configuration. */
  readonly text: string
  /** The start of the SHA-256 of the 32 bytes: 16 hexadecimal digits. */
  readonly id: string
  readonly key: KeyObject
}

/** What the text of one begins with. */
export const KEY_PREFIX = 'ed25519:'
const KEY_BYTES = 32

/** Reads `ed25519:BASE64`. Throws STORE_BAD_KEY. */
export function parsePublicKey(text: string): PublicKey {
  const raw = Buffer.from(text.slice(KEY_PREFIX.length), 'base64')
  const isOne = raw.length === KEY_BYTES && `${KEY_PREFIX}${raw.toString('base64')}` === text
  if (!isOne) {
    throw badKey(
      `read the public key ${JSON.stringify(text.slice(0, 80))}`,
      'it is none',
      `"${KEY_PREFIX}" and ${KEY_BYTES} bytes in base64`,
    )
  }
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  return { text, id: digestOf(raw).slice(0, 16), key: createPublicKey({ key: jwk, format: 'jwk' }) }
}

/**
 * Reads a tenant's signers as its configuration has them: public keys, or absolute paths of files with one on their first
 * line (as `wasm-fpm key create` makes). Rejects with STORE_BAD_KEY.
 */
export function readSigners(signers: readonly string[]): Promise<readonly PublicKey[]> {
  return Promise.all(
    signers.map(async (signer) =>
      signer.startsWith(KEY_PREFIX)
        ? parsePublicKey(signer)
        : parsePublicKey((await readText(signer)).split('\n')[0]?.trim() ?? ''),
    ),
  )
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw badKey(
      `read the public key ${path}`,
      systemCodeOf(cause),
      'a file that can be read',
      cause,
    )
  }
}

/** Makes the error for a key that cannot be used, or a file without one (STORE_BAD_KEY). `doing`: such as `read the public key FILE`. */
export function badKey(doing: string, actual: string, wanted: string, cause?: unknown): StoreError {
  return new StoreError('STORE_BAD_KEY', `Cannot ${doing}: ${actual}, wanted ${wanted}`, { cause })
}
