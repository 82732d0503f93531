/**
 * Conditional requests (RFC 9110, section 13), for files that have an entity tag and no date: conditions on dates are
 * ignored, as section 13.1 asks of those who have none.
 */

export interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifRange: string | undefined
}

export type Verdict = 'send' | 'not-modified' | 'precondition-failed'

/** One element of a list of entity tags, with what comes before it. */
const TAG = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|$)/y

/** Web servers that compress an answer change its entity tag so: `"abc-gzip"` (Apache, Caddy). */
const COMPRESSED_TAG = /-(?:gzip|br|zstd|deflate)$/

/** What becomes of a GET or HEAD. `tag`: of what would be sent, a strong one without its quotes. */
export function checkConditions({ ifMatch, ifNoneMatch }: Conditions, tag: string): Verdict {
  if (ifMatch !== undefined && !isListed(ifMatch, (isWeak, other) => !isWeak && other === tag)) {
    return 'precondition-failed'
  }
  if (ifNoneMatch === undefined) return 'send'
  const isKnown = isListed(
    ifNoneMatch,
    (_isWeak, other) => other === tag || other.replace(COMPRESSED_TAG, '') === tag,
  )
  return isKnown ? 'not-modified' : 'send'
}

/** Whether a Range counts: the client has a part of the same (section 13.1.5), or asks for any. */
export function isRangeOfSame({ ifRange }: Conditions, tag: string): boolean {
  return ifRange === undefined || ifRange === `"${tag}"`
}

/** Whether `*` or a tag that passes is in the list. What is no list of tags matches nothing. */
function isListed(list: string, passes: (isWeak: boolean, tag: string) => boolean): boolean {
  if (list.trim() === '*') return true
  TAG.lastIndex = 0
  while (TAG.lastIndex < list.length) {
    const match = TAG.exec(list)
    if (match === null) return false
    const [, weak, tag] = match
    if (tag !== undefined && passes(weak !== undefined, tag)) return true
  }
  return false
}
