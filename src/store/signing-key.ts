/** Private Ed25519 keys, and their files: who signs releases. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemCodeOf } from '../base/errors.ts'
import { isOpenToOthers, printMode } from '../base/file-mode.ts'
import { badKey, KEY_PREFIX, type PublicKey, parsePublicKey } from './public-key.ts'

export interface SigningKey {
  readonly publicKey: PublicKey
  /** Private: never printed, never stored but in its own file. */
  readonly key: KeyObject
}

const MAX_FILE_BYTES = 16 * 1024

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
  const text = `${KEY_PREFIX}${Buffer.from(x, 'base64url').toString('base64')}`
  return { key, publicKey: parsePublicKey(text) }
}
