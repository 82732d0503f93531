/**
 * What an artifact is called: `oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:...]`. The grammar of repositories and tags is
 * that of the OCI distribution spec, "Pulling manifests".
 */

import { OciError } from './errors.ts'
import { type Digest, isDigest } from './registry-digest.ts'

export interface Reference {
  /** Host, and port if one is named. */
  readonly registry: string
  readonly repository: string
  /** `latest`, when neither a tag nor a digest is named; undefined: the digest says it all. */
  readonly tag: string | undefined
  readonly digest: Digest | undefined
}

const OCI_SCHEME = 'oci://'

const MAX_LENGTH = 1024
/** Of host and repository together, in the spec. */
const MAX_NAME_LENGTH = 255

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const REGISTRY = new RegExp(
  `^(?:\\[[0-9a-fA-F:.]{2,45}\\]|${LABEL}(?:\\.${LABEL})*)(?::[0-9]{1,5})?$`,
)
const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Docker's hub answers at another host than the one it is known by. */
const HUB = 'docker.io'
const HUB_HOST = 'registry-1.docker.io'

export function isOciReference(text: string): boolean {
  return text.startsWith(OCI_SCHEME)
}

/** Throws OCI_BAD_REFERENCE. */
export function parseReference(text: string): Reference {
  if (!isOciReference(text)) throw bad(text, 'starts with something else', `${OCI_SCHEME}...`)
  if (text.length > MAX_LENGTH) throw bad(text, 'is too long', `at most ${MAX_LENGTH} characters`)
  const rest = text.slice(OCI_SCHEME.length)
  const slash = rest.indexOf('/')
  if (slash === -1) throw bad(text, 'has no repository', 'oci://HOST/REPOSITORY:TAG')
  const registry = rest.slice(0, slash).toLowerCase()
  if (registry.includes('@')) {
    throw bad(text, 'has a user in it', 'credentials in --username and --password-stdin')
  }
  if (!REGISTRY.test(registry) || !URL.canParse(`https://${registry}/`)) {
    throw bad(text, `has registry ${JSON.stringify(registry)}`, 'HOST or HOST:PORT')
  }
  const [name = '', digest, ...more] = rest.slice(slash + 1).split('@')
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw bad(text, 'has another digest', '@sha256: and 64 lower-case hexadecimal digits')
  }
  const colon = name.indexOf(':')
  const tag = colon === -1 ? undefined : name.slice(colon + 1)
  if (tag !== undefined && !TAG.test(tag)) {
    throw bad(text, `has tag ${JSON.stringify(tag)}`, '1 to 128 letters, digits, "_", "." or "-"')
  }
  const repository = repositoryAt(registry, colon === -1 ? name : name.slice(0, colon))
  if (!REPOSITORY.test(repository) || registry.length + 1 + repository.length > MAX_NAME_LENGTH) {
    throw bad(
      text,
      `has repository ${JSON.stringify(repository)}`,
      `lower-case letters, digits, single separators and "/", with its host at most ${MAX_NAME_LENGTH} characters`,
    )
  }
  return {
    registry,
    repository,
    tag: tag ?? (digest === undefined ? 'latest' : undefined),
    digest: digest as Digest | undefined,
  }
}

/** In full: parsing it gives the same reference. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  const version = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
  return `${OCI_SCHEME}${registry}/${repository}${version}`
}

/** Where the registry's API is. `plainHttp`: without encryption; a registry on this machine has none, but on port 443. */
export function registryUrl({ registry }: Reference, plainHttp: boolean): URL {
  const host = registry === HUB ? HUB_HOST : registry
  const url = new URL(`https://${host}/v2/`)
  const isPlain = isLoopback(url) ? !registry.endsWith(':443') : plainHttp
  return isPlain ? new URL(`http://${host}/v2/`) : url
}

/** Whether it names this machine. Names are not looked up: what they stand for can change between two looks. */
export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname)
  )
}

/** The last part of a repository: what a handler from there is called when its manifest does not say. */
export function nameOfReference({ repository }: Reference): string {
  return repository.slice(repository.lastIndexOf('/') + 1)
}

function repositoryAt(registry: string, name: string): string {
  return registry === HUB && !name.includes('/') ? `library/${name}` : name
}

function bad(text: string, actual: string, wanted: string): OciError {
  const shown = text.length > 100 ? `${text.slice(0, 97)}...` : text
  return new OciError(
    'OCI_BAD_REFERENCE',
    `Cannot use reference ${JSON.stringify(shown)}: it ${actual}, wanted ${wanted}`,
  )
}
