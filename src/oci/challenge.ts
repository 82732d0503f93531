/** What a registry wants to see before it answers: the `WWW-Authenticate` header (RFC 9110, section 11.6.1). */

export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)/y
const VALUE = /\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",=]+))/y

/** Reads all challenges of a header; stops where it makes no sense any more. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { readonly scheme: string; readonly parameters: Map<string, string> }[] = []
  let at = 0
  for (;;) {
    TOKEN.lastIndex = at
    const word = TOKEN.exec(header)?.[1]
    if (word === undefined) return found
    at = TOKEN.lastIndex
    VALUE.lastIndex = at
    const value = VALUE.exec(header)
    if (value === null) {
      found.push({ scheme: word.toLowerCase(), parameters: new Map() })
      continue
    }
    at = VALUE.lastIndex
    const text = value[1]?.replace(/\\(.)/g, '$1') ?? value[2] ?? ''
    found.at(-1)?.parameters.set(word.toLowerCase(), text)
  }
}
