/** Where a registry may send us: never from encrypted to plain, and plain only where that was allowed. */
import { OciError } from './errors.ts'
import { isLoopback } from './reference.ts'

/**
 * Reads an address that a registry answered. `from`: what was asked, and what a relative address starts at. Throws
 * OCI_BAD_ANSWER, OCI_PLAIN_HTTP.
 */
export function readTarget(text: string | undefined, from: URL, plainHttp: boolean): URL {
  const url = text === undefined ? null : URL.parse(text, from)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '') {
    throw new OciError(
      'OCI_BAD_ANSWER',
      `Cannot go where ${from.host} says: no address of a web server, wanted one`,
    )
  }
  if (url.protocol === 'https:') return url
  if (from.protocol === 'https:' || !(plainHttp || isLoopback(url))) {
    const actual =
      from.protocol === 'https:' ? 'that leads out of encryption' : 'nobody has allowed that'
    throw new OciError(
      'OCI_PLAIN_HTTP',
      `Cannot talk to ${url.host} without encryption: ${actual}, wanted https`,
    )
  }
  return url
}
