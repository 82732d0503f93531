/** Who we are to a registry: what `docker login` and its like have written down. */

import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { OciError, ociLimitError } from './errors.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from './limits.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Docker's hub is in the file under the address it had first. */
const HUB_KEYS: readonly string[] = ['index.docker.io', 'registry-1.docker.io', 'docker.io']

/**
 * Looks up the registry (host, and port if any) in `$DOCKER_CONFIG/config.json`, or `~/.docker/config.json`. Undefined:
 * there are none. Rejects with OCI_BAD_CREDENTIALS, OCI_LIMIT_EXCEEDED.
 */
export async function findCredentials(
  registry: string,
  environment: Readonly<Record<string, string | undefined>>,
  limits: OciLimits = DEFAULT_OCI_LIMITS,
): Promise<Credentials | undefined> {
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
  return readCredentials(text, registry, file)
}

/** Reads the file's text. `file`: for error messages. Throws OCI_BAD_CREDENTIALS. */
export function readCredentials(
  text: string,
  registry: string,
  file: string,
): Credentials | undefined {
  const wanted = registry === 'docker.io' ? HUB_KEYS : [registry]
  for (const [key, entry] of Object.entries(tableAt(parse(text, file), 'auths'))) {
    if (!wanted.includes(hostOf(key))) continue
    const found = credentialsOf(entry)
    // Docker leaves an empty entry where a helper program has the password.
    if (found !== undefined) return found
  }
  return undefined
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
