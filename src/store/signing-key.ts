/** Ed25519 keys: who signs releases, and whose signatures a tenant demands. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { systemCodeOf } from '../base/errors.ts'
import { isOpenToOthers, printMode } from '../base/file-mode.ts'
import { digestOf } from './digest.ts'
import { StoreError } from './errors.ts'

export interface PublicKey {
  /** `ed25519:` and the 32 bytes in base64: as it is written in a configuration. */
  readonly text: string
  /** The start of the SHA-256 of the 32 bytes: 16 hexadecimal digits. */
  readonly id: string
  readonly key: KeyObject
}

export interface SigningKey {
  readonly publicKey: PublicKey
  /** Private: never printed, never stored but in its own file. */
  readonly key: KeyObject
}

const PREFIX = 'ed25519:'
const KEY_BYTES = 32
const MAX_FILE_BYTES = 16 * 1024

/** Reads `ed25519:BASE64`. Throws STORE_BAD_KEY. */
export function parsePublicKey(text: string): PublicKey {
  const raw = Buffer.from(text.slice(PREFIX.length), 'base64')
  const isOne = raw.length === KEY_BYTES && `${PREFIX}${raw.toString('base64')}` === text
  if (!isOne) {
    throw badKey(
      `read the public key ${JSON.stringify(text.slice(0, 80))}`,
      'it is none',
      `"${PREFIX}" and ${KEY_BYTES} bytes in base64`,
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
      signer.startsWith(PREFIX)
        ? parsePublicKey(signer)
        : parsePublicKey((await readText(signer)).split('\n')[0]?.trim() ?? ''),
    ),
  )
}

/** A new key, and what its file has in it. */
export function createSigningKey(): { readonly key: SigningKey; readonly pem: string } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { key: withPublicKey(privateKey), pem }
}

/** Reads a private key (PEM). Rejects with STORE_BAD_KEY; also when others than its owner may read the file. */
export async function readSigningKey(path: string): Promise<SigningKey> {
  const doing = `read the private key ${path}`
  const file = await open(path, constants.O_RDONLY | constants.O_NOCTTY).catch((cause: unknown) => {
    throw badKey(doing, systemCodeOf(cause), 'a file that can be read', cause)
  })
  let pem: string
  try {
    const stats = await file.stat()
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) {
      throw badKey(doing, 'it is no file with a key', 'what `wasm-fpm key create` made')
    }
    if (isOpenToOthers(stats.mode)) {
      const mode = printMode(stats.mode)
      throw badKey(
        doing,
        `its rights are ${mode}`,
        `0600: nobody else may read it: chmod 600 ${path}`,
      )
    }
    pem = await file.readFile('utf8')
  } finally {
    await file.close()
  }
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw badKey(doing, 'it is no private key in PEM', 'what `wasm-fpm key create` made', cause)
  }
  if (key.asymmetricKeyType === 'ed25519') return withPublicKey(key)
  throw badKey(doing, `it is of type ${key.asymmetricKeyType ?? '?'}`, 'ed25519')
}

function withPublicKey(key: KeyObject): SigningKey {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const text = `${PREFIX}${Buffer.from(x, 'base64url').toString('base64')}`
  return { key, publicKey: parsePublicKey(text) }
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

function badKey(doing: string, actual: string, wanted: string, cause?: unknown): StoreError {
  return new StoreError('STORE_BAD_KEY', `Cannot ${doing}: ${actual}, wanted ${wanted}`, { cause })
}
