/** Which source an address means: a folder, what a web server has of one, or a registry. */
import type { Clock } from '../base/clock.ts'
import { isOciReference, parseReference, type Reference } from '../oci/reference.ts'
import { FollowError } from './errors.ts'
import { FolderSource } from './folder-source.ts'
import { RecordSource } from './record-source.ts'
import { RegistryShelf } from './registry-shelf.ts'
import type { ReleaseSource } from './release-source.ts'
import { credentialsIn, refuseOthers, type Secrets } from './source-secrets.ts'
import { WebSource } from './web-source.ts'

const LOGIN = ['USERNAME', 'PASSWORD']

/**
 * `address`: `dir:/PATH`, `https://HOST/PATH` or `oci://HOST/REPOSITORY:TAG`. `secrets`: what the source is shown. Throws `FollowError`
 * (FOLLOW_BAD_SOURCE, FOLLOW_BAD_SECRETS) and `OciError`.
 */
export function openSource(address: string, clock: Clock, secrets: Secrets = {}): ReleaseSource {
  if (address.startsWith('dir:/')) {
    refuseOthers(secrets, [])
    return new FolderSource(address.slice('dir:'.length), clock)
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
    `Cannot follow ${shown}: wanted "dir:/PATH", "https://HOST/PATH" (http:// on this machine only) or "oci://HOST/REPOSITORY:TAG", a name and password in env_file`,
  )
}
