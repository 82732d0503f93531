/** The two files a manifest can be written in, and what their bytes say before anybody looks at the keys. */
import { parse } from 'smol-toml'
import { show } from '../base/show.ts'
import { StoreError } from './errors.ts'

export const MANIFEST_FILES = { json: 'wasm-fpm.json', toml: 'wasm-fpm.toml' } as const

export type ManifestFile = (typeof MANIFEST_FILES)[keyof typeof MANIFEST_FILES]

/** With one of these at its top, `wasm-fpm.toml` is a server's configuration that happens to lie there. */
const CONFIGURATION_KEYS = ['pool', 'tenant', 'include']

/**
 * Answers the manifest's table as it was written; undefined: there is none in this file. Throws STORE_BAD_MANIFEST for
 * what is no JSON or TOML in UTF-8.
 */
export function parseManifest(bytes: Uint8Array, file: ManifestFile): unknown {
  if (bytes.length === 0) return undefined
  const isToml = file === MANIFEST_FILES.toml
  const wanted = isToml ? 'TOML' : 'JSON'
  let table: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    table = isToml ? parse(text, { unsafeKeyBehaviour: 'throw' }) : JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw bad(file, reason, `${wanted} in UTF-8`, cause)
  }
  if (!isToml || typeof table !== 'object' || table === null) return table
  const isConfiguration = CONFIGURATION_KEYS.some((key) => key in table)
  if (!('handler' in table)) {
    if (isConfiguration) return undefined
    throw bad(file, 'it has no table of that name', 'a [handler] table')
  }
  const { handler, ...others } = table
  if (typeof handler !== 'object' || Array.isArray(handler))
    throw bad(file, `handler is ${show(handler)}`, 'a [handler] table')
  const [outside] = Object.keys(others)
  if (outside !== undefined && !isConfiguration)
    throw bad(file, `${outside} is not in the [handler] table`, 'it there')
  return handler
}

function bad(file: ManifestFile, actual: string, wanted: string, cause?: unknown): StoreError {
  return new StoreError('STORE_BAD_MANIFEST', `Cannot read ${file}: ${actual}, wanted ${wanted}`, {
    cause,
  })
}
