/** Finds the release that somebody means, on the command line or in a request of the admin API. */
import { StoreError } from './errors.ts'
import type { PublishedRelease, ReleaseStore } from './release-store.ts'

/** Digits that a digest is known by. */
const MIN_DIGITS = 6

export interface ReleaseChoice {
  readonly tenant: string
  readonly handler?: string | undefined
  /** What is to be done, for the message: begins the sentence after "Cannot". */
  readonly doing: string
}

/** `wanted`: a number, or at least 6 digits of a digest. Rejects with STORE_UNKNOWN_RELEASE. */
export async function findRelease(
  store: ReleaseStore,
  wanted: string,
  choice: ReleaseChoice,
): Promise<PublishedRelease> {
  return pickRelease(await store.releases(choice.tenant), wanted, choice)
}

/** The same, of those that were listed. Throws STORE_UNKNOWN_RELEASE. */
export function pickRelease<Release extends PublishedRelease>(
  all: readonly Release[],
  wanted: string,
  { handler, doing }: ReleaseChoice,
): Release {
  const own = handler === undefined ? all : all.filter((one) => one.handler === handler)
  const byNumber = own.filter(({ number }) => String(number) === wanted)
  const byDigest = own.filter(
    ({ release }) => wanted.length >= MIN_DIGITS && release.startsWith(wanted),
  )
  const found = byNumber.length > 0 ? byNumber : byDigest
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  throw new StoreError(
    'STORE_UNKNOWN_RELEASE',
    `Cannot ${doing} ${JSON.stringify(wanted)}: ${found.length} releases are called so, wanted one (a number, or at least ${MIN_DIGITS} digits of a digest; see \`wasm-fpm releases\`)`,
  )
}
