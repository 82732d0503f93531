/** Which compressed form of a file a client takes (RFC 9110, section 12.5.3). */

export interface Coding {
  /** The value of Content-Encoding. */
  readonly name: string
  /** What the name of the compressed file has at its end. */
  readonly suffix: string
}

/** In our order of preference, for a client that has none. */
export const CODINGS: readonly Coding[] = [
  { name: 'br', suffix: '.br' },
  { name: 'zstd', suffix: '.zst' },
  { name: 'gzip', suffix: '.gz' },
]

/** Elements of the field that are looked at: there are no more codings than that. */
const MAX_ELEMENTS = 32

/** `x-gzip` is an old name of `gzip`. */
const ELEMENT =
  /^[ \t]*(?:x-)?([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$/

/**
 * The codings to be used rather than none, the best first. `acceptEncoding`: the field's value; undefined: the client did not
 * say, and gets the file as it is. What cannot be read counts as not said.
 */
export function acceptedCodings(acceptEncoding: string | undefined): readonly Coding[] {
  if (acceptEncoding === undefined || acceptEncoding === '') return []
  const weights = new Map<string, number>()
  for (const element of acceptEncoding.toLowerCase().split(',', MAX_ELEMENTS)) {
    const [, name = '', q = '1'] = ELEMENT.exec(element) ?? []
    if (name !== '') weights.set(name, Number(q))
  }
  const weightOf = ({ name }: Coding) => weights.get(name) ?? weights.get('*') ?? 0
  // Not compressed is always allowed, and wanted as much as the client says it is.
  const least = weights.get('identity') ?? 0
  return CODINGS.filter((coding) => weightOf(coding) > 0 && weightOf(coding) >= least).sort(
    (a, b) => weightOf(b) - weightOf(a),
  )
}
