/** Which source an address means: a folder, or what a web server has of one. */
import type { Clock } from '../base/clock.ts'
import { FollowError } from './errors.ts'
import { FolderSource } from './folder-source.ts'
import type { ReleaseSource } from './release-source.ts'
import { WebSource } from './web-source.ts'

/** `address`: `dir:/PATH` or `https://HOST/PATH`. Throws `FollowError` (FOLLOW_BAD_SOURCE). */
export function openSource(address: string, clock: Clock): ReleaseSource {
  if (address.startsWith('dir:/')) return new FolderSource(address.slice('dir:'.length), clock)
  const url = URL.parse(address)
  const isPlain =
    url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  const isGood = url !== null && (url.protocol === 'https:' || isPlain)
  if (isGood && url.search === '' && url.hash === '') return new WebSource(url, clock)
  throw new FollowError(
    'FOLLOW_BAD_SOURCE',
    `Cannot follow ${JSON.stringify(address)}: wanted "dir:/PATH" or "https://HOST/PATH" (http:// on this machine only)`,
  )
}
