/** Which source an address means: a folder, what a web server has of one, a registry, or servers of messages. */
import type { Clock } from '../base/clock.ts'
import { isOciReference, parseReference, type Reference } from '../oci/reference.ts'
import { FollowError } from './errors.ts'
import { FolderSource } from './folder-source.ts'
import { parseNatsAddress } from './nats-link.ts'
import { NatsShelf } from './nats-shelf.ts'
import { RecordSource } from './record-source.ts'
import { RegistryShelf } from './registry-shelf.ts'
import type { ReleaseSource } from './release-source.ts'
import { credentialsIn, refuseOthers, type Secrets } from './source-secrets.ts'
import { WebSource } from './web-source.ts'

export interface SourceOptions {
  /** What the source is shown. */
  readonly secrets?: Secrets
  /** See `nats-link.ts`. */
  readonly allowsOldServer?: boolean
}

const LOGIN = ['USERNAME', 'PASSWORD']

/**
 * `address`: `dir:/PATH`, `https://HOST/PATH`, `oci://HOST/REPOSITORY:TAG` or `tls://HOST/BUCKET`. Throws `FollowError`
 * (FOLLOW_BAD_SOURCE, FOLLOW_BAD_SECRETS) and `OciError`.
 */
export function openSource(
  address: string,
  clock: Clock,
  { secrets = {}, allowsOldServer = false }: SourceOptions = {},
): ReleaseSource {
  if (address.startsWith('dir:/')) {
    refuseOthers(secrets, [])
    return new FolderSource(address.slice('dir:'.length), clock)
  }
  const servers = parseNatsAddress(address)
  if (servers !== undefined) {
    return new RecordSource(new NatsShelf(servers, { secrets, allowsOldServer }))
  }
  refuseOthers(secrets, LOGIN)
  const credentials = credentialsIn(secrets)
  if (isOciReference(address)) {
    return new RecordSource(new RegistryShelf(parseTag(address), { clock, credentials }))
  }
  const url = URL.parse(address)
  const isPlain =
    url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  const isGood = url !== null && (url.protocol === 'https:' || isPlain) && url.username === ''
  if (isGood && url.search === '' && url.hash === '') return new WebSource(url, clock, credentials)
  throw badSource(address)
}

/** Of a store in a registry: what a digest stands for never changes. Throws `FollowError` (FOLLOW_BAD_SOURCE) and `OciError`. */
export function parseTag(address: string): Reference {
  const reference = parseReference(address)
  if (reference.digest === undefined) return reference
  throw badSource(address)
}

function badSource(address: string): FollowError {
  const shown = JSON.stringify(address.replace(/\/\/[^/@]*@/, '//'))
  return new FollowError(
    'FOLLOW_BAD_SOURCE',
    `Cannot follow ${shown}: wanted "dir:/PATH", "https://HOST/PATH", "oci://HOST/REPOSITORY:TAG" or "tls://HOST,HOST/BUCKET" (http:// and nats:// on this machine only), a name and password in env_file`,
  )
}
