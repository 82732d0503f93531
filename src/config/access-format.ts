/**
 * php-fpm's `access.format`, taken apart: `%s`, `%{milli}d` and the text between them. Only its grammar is here, so that
 * a bad format is found when the configuration is read; what the tokens stand for is the gateway's.
 */

/** What may stand in the braces of a token: nothing, one of some words, a name (required), a strftime format. */
type Modifier = 'none' | 'name' | 'time' | ReadonlyMap<string, string>

const CPU_PARTS = words('total user system')
const TIME_UNITS = words(
  'seconds milliseconds microseconds',
  // php-fpm takes its older spellings, too.
  'milli=milliseconds mili=milliseconds miliseconds=milliseconds micro=microseconds',
)
const SIZE_UNITS = words('bytes kilobytes megabytes', 'kilo=kilobytes mega=megabytes')

const TOKENS = {
  C: CPU_PARTS,
  d: TIME_UNITS,
  e: 'name',
  f: 'none',
  l: 'none',
  m: 'none',
  M: SIZE_UNITS,
  n: 'none',
  o: 'name',
  p: 'none',
  P: 'none',
  q: 'none',
  Q: 'none',
  r: 'none',
  R: 'none',
  s: 'none',
  t: 'time',
  T: 'time',
  u: 'none',
} as const satisfies Readonly<Record<string, Modifier>>

export type AccessTokenLetter = keyof typeof TOKENS

export type AccessToken =
  | { readonly letter: 'text'; readonly modifier: string }
  /** `modifier`: the canonical word, the name, the strftime format; empty where the token has none. */
  | { readonly letter: AccessTokenLetter; readonly modifier: string }

const DEFAULT_TIME_FORMAT = '%d/%b/%Y:%H:%M:%S %z'

/** Longest format and most tokens: a line a request is built from them. */
const MAX_FORMAT_LENGTH = 4096

/** Takes a format apart; undefined when php-fpm would refuse it. */
export function parseAccessFormat(format: string): readonly AccessToken[] | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a format with a line break would make two lines of one
  if (format.length > MAX_FORMAT_LENGTH || /[\0-\x08\x0a-\x1f\x7f]/.test(format)) return undefined
  const tokens: AccessToken[] = []
  const pattern = /%(?:\{([^}]*)\})?(.)|([^%]+)|%/gsu
  for (const [whole, modifier = '', letter, text] of format.matchAll(pattern)) {
    const token = text === undefined ? readToken(letter, modifier, whole) : plain(text)
    if (token === undefined) return undefined
    tokens.push(token)
  }
  return tokens
}

export function isAccessFormat(format: string): boolean {
  return parseAccessFormat(format) !== undefined
}

function readToken(
  letter: string | undefined,
  modifier: string,
  whole: string,
): AccessToken | undefined {
  if (whole === '%%') return plain('%')
  if (letter === undefined || !isLetter(letter)) return undefined
  const kind: Modifier = TOKENS[letter]
  const value = kind === 'time' ? modifier || DEFAULT_TIME_FORMAT : modifier
  if (kind === 'none') return whole.includes('{') ? undefined : { letter, modifier: '' }
  if (kind === 'name') return modifier === '' ? undefined : { letter, modifier }
  if (kind === 'time') return { letter, modifier: value }
  const word = kind.get(modifier.toLowerCase())
  return word === undefined ? undefined : { letter, modifier: word }
}

function plain(text: string): AccessToken {
  return { letter: 'text', modifier: text }
}

function isLetter(letter: string): letter is AccessTokenLetter {
  return Object.hasOwn(TOKENS, letter)
}

/** The first word also stands for no modifier at all. `aliases`: `short=long`. */
function words(names: string, aliases = ''): ReadonlyMap<string, string> {
  const all = names.split(' ')
  const map = new Map(all.map((name) => [name, name]))
  map.set('', all[0] ?? '')
  for (const alias of aliases.split(' ').filter(Boolean)) {
    const [short = '', long = ''] = alias.split('=')
    map.set(short, long)
  }
  return map
}
