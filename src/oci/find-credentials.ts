/** Who we are to a registry: what `docker login` and its like have written down, or keep in a helper program. */

import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { askHelper, type HelperOptions } from './credential-helper.ts'
import type { Credentials } from './credentials.ts'
import { OciError, ociLimitError } from './errors.ts'
import { DEFAULT_OCI_LIMITS } from './limits.ts'

/** What a helper knows docker's hub as. */
const HUB_SERVER = 'https://index.docker.io/v1/'

/** Docker's hub is in the file under the address it had first. */
const HUB_KEYS: readonly string[] = ['index.docker.io', 'registry-1.docker.io', 'docker.io']

/**
 * Looks up the registry (host, and port if any) in `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`, and asks the
 * helper that is named there. Undefined: there are none. Rejects with OCI_BAD_CREDENTIALS, OCI_LIMIT_EXCEEDED, and as
 * `askHelper` does.
 */
export async function findCredentials(
  registry: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const { environment, limits = DEFAULT_OCI_LIMITS } = options
  const folder = environment['DOCKER_CONFIG'] ?? join(environment['HOME'] ?? homedir(), '.docker')
  const file = join(folder, 'config.json')
  let text: string
  try {
    const { size } = await stat(file)
    if (size > limits.credentialsBytes) {
      const wanted = limits.credentialsBytes
      throw ociLimitError(`read ${file}`, { limit: 'credentialsBytes', actual: size, wanted })
    }
    text = await readFile(file, 'utf8')
  } catch (cause) {
    if (cause instanceof OciError) throw cause
    const systemCode = systemCodeOf(cause)
    if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR') return undefined
    throw new OciError(
      'OCI_BAD_CREDENTIALS',
      `Cannot read ${file}: ${systemCode}, wanted the right to read it`,
      { cause },
    )
  }
  const helper = readHelper(text, registry, file)
  const server = registry === 'docker.io' ? HUB_SERVER : registry
  const kept = helper === undefined ? undefined : await askHelper(helper, server, options)
  return kept ?? readCredentials(text, registry, file)
}

/** The helper for a registry: its own, else the one for all. Undefined: none. Throws OCI_BAD_CREDENTIALS. */
export function readHelper(text: string, registry: string, file: string): string | undefined {
  const config = parse(text, file)
  const wanted = keysOf(registry)
  const own = Object.entries(tableAt(config, 'credHelpers')).find(([key]) =>
    wanted.includes(hostOf(key)),
  )
  const helper: unknown = own === undefined ? Reflect.get(Object(config), 'credsStore') : own[1]
  return typeof helper === 'string' && helper !== '' ? helper : undefined
}

/** Reads the file's text. `file`: for error messages. Throws OCI_BAD_CREDENTIALS. */
export function readCredentials(
  text: string,
  registry: string,
  file: string,
): Credentials | undefined {
  const wanted = keysOf(registry)
  for (const [key, entry] of Object.entries(tableAt(parse(text, file), 'auths'))) {
    if (!wanted.includes(hostOf(key))) continue
    const found = credentialsOf(entry)
    // Docker leaves an empty entry where a helper program has the password.
    if (found !== undefined) return found
  }
  return undefined
}

function keysOf(registry: string): readonly string[] {
  return registry === 'docker.io' ? HUB_KEYS : [registry]
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not the parser's words, and not as a cause either: they quote the file.
    throw new OciError('OCI_BAD_CREDENTIALS', `Cannot read ${file}: it is no JSON, wanted JSON`)
  }
}

function tableAt(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const table = isTable(value) ? value[key] : undefined
  return isTable(table) ? table : {}
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** `https://index.docker.io/v1/` -> `index.docker.io`. */
function hostOf(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase()
}

function credentialsOf(entry: unknown): Credentials | undefined {
  if (!isTable(entry)) return undefined
  const { auth, username, password } = entry
  if (typeof username === 'string' && typeof password === 'string' && password !== '') {
    return { username, password }
  }
  if (typeof auth !== 'string') return undefined
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}
