/**
 * The variables of a request, each once, made safe: some arrive twice, some were forged by the client through header names
 * that collide.
 *
 * Web servers send the same names in the same order again and again. So a request holds its values only; the names, and
 * what is to become of each, are in a layout that it shares with others.
 */
import { CgiError } from './errors.ts'

export type Pair = readonly [name: string, value: string]

/** Variables as most readers see them; a `Map` will do. Values are latin1 strings, one char a byte. */
export interface VariableReader extends Iterable<Pair> {
  get(name: string): string | undefined
  has(name: string): boolean
}

/** Variables with a fixed meaning that a client's request line or the web server's mapping of it can shape. */
const REQUEST_VARIABLES: ReadonlySet<string> = new Set([
  'AUTH_TYPE',
  'CONTENT_LENGTH',
  'CONTENT_TYPE',
  'DOCUMENT_ROOT',
  'DOCUMENT_URI',
  'PATH_INFO',
  'PATH_TRANSLATED',
  'QUERY_STRING',
  'REMOTE_USER',
  'REQUEST_METHOD',
  'REQUEST_URI',
  'SCRIPT_FILENAME',
  'SCRIPT_NAME',
  'SERVER_NAME',
  'SERVER_PROTOCOL',
])

const HEADER_VARIABLE = /^HTTP_[A-Z0-9_]+$/

/** What is to become of names that come in this order. */
interface Layout {
  /** As they were sent. */
  readonly names: readonly string[]
  /** Beside each name, where its value goes; `DROPPED`: nowhere. */
  readonly places: readonly number[]
  readonly placeOf: ReadonlyMap<string, number>
}

const DROPPED = -1

export class Variables implements VariableReader {
  readonly #layout: Layout
  readonly #values: (string | undefined)[]

  /** Throws `CgiError` (CGI_BAD_VARIABLE, CGI_BAD_CONTENT_LENGTH). */
  constructor(pairs: readonly Pair[]) {
    this.#layout = layoutOf(pairs)
    const values = new Array<string | undefined>(this.#layout.placeOf.size)
    this.#values = values
    pairs.forEach(([name, value], index) => {
      const place = this.#layout.places[index] ?? DROPPED
      if (place === DROPPED || !isKeptValue(name, value)) return
      const previous = values[place]
      values[place] = previous === undefined ? value : merge(name, previous, value)
    })
  }

  get(name: string): string | undefined {
    const place = this.#layout.placeOf.get(name)
    return place === undefined ? undefined : this.#values[place]
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  delete(name: string): void {
    const place = this.#layout.placeOf.get(name)
    if (place !== undefined) this.#values[place] = undefined
  }

  *[Symbol.iterator](): Iterator<Pair> {
    for (const [name, place] of this.#layout.placeOf) {
      const value = this.#values[place]
      if (value !== undefined) yield [name, value]
    }
  }
}

/** The latest layouts are remembered: kinds of clients take turns, and there are few of them. */
const MAX_LAYOUTS = 16
/** Nobody in earnest sends more names. */
const MAX_LAYOUT_NAMES = 128
const layouts: Layout[] = []
let nextLayout = 0

function layoutOf(pairs: readonly Pair[]): Layout {
  if (pairs.length > MAX_LAYOUT_NAMES) return makeLayout(pairs)
  for (const layout of layouts) if (hasNames(layout, pairs)) return layout
  const layout = makeLayout(pairs)
  layouts[nextLayout] = layout
  nextLayout = (nextLayout + 1) % MAX_LAYOUTS
  return layout
}

/** Looked at from the end: what differs are the client's headers, which come last. */
function hasNames({ names }: Layout, pairs: readonly Pair[]): boolean {
  if (names.length !== pairs.length) return false
  for (let index = names.length - 1; index >= 0; index -= 1) {
    if (names[index] !== pairs[index]?.[0]) return false
  }
  return true
}

function makeLayout(pairs: readonly Pair[]): Layout {
  const names = pairs.map(([name]) => name)
  const placeOf = new Map<string, number>()
  const places = names.map((name) => {
    const known = placeOf.get(name)
    if (known !== undefined) return known
    if (!isKeptName(name)) return DROPPED
    placeOf.set(name, placeOf.size)
    return placeOf.size - 1
  })
  return { names, places, placeOf }
}

function isKeptName(name: string): boolean {
  if (name.startsWith('HTTP_')) return isKeptHeader(name)
  if (name === '' || name.length > 1024) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these cannot be in the name of an environment variable
  return !/[=\0-\x1f\x7f]/.test(name) && name.toUpperCase() !== 'HTTP_PROXY'
}

/** Dots and the like come from header names that another name could be mistaken for (Caddy, h2o: `HTTP_X.DOT`). */
function isKeptHeader(name: string): boolean {
  switch (name) {
    case 'HTTP_PROXY': // httpoxy, CVE-2016-5385: many HTTP clients take their proxy from it
    case 'HTTP_CONTENT_LENGTH': // CONTENT_LENGTH and CONTENT_TYPE are the web server's word; these are the client's
    case 'HTTP_CONTENT_TYPE':
      return false
    default:
      return HEADER_VARIABLE.test(name)
  }
}

function isKeptValue(name: string, value: string): boolean {
  if (!value.includes('\0')) return true
  // Other variables are the operator's: with a NUL they have no place in an environment, and nobody forged them.
  if (!name.startsWith('HTTP_') && !REQUEST_VARIABLES.has(name)) return false
  throw new CgiError(
    'CGI_BAD_VARIABLE',
    `Cannot read a request: a NUL byte in ${name}, wanted none`,
  )
}

/** Two headers of one name arrive as two variables from nginx 1.22 and HAProxy. */
function merge(name: string, previous: string, value: string): string {
  if (name === 'HTTP_COOKIE') return `${previous}; ${value}`
  if (name.startsWith('HTTP_')) return `${previous}, ${value}`
  if (name === 'CONTENT_LENGTH' && previous !== value) {
    throw badContentLength(`${previous}" and "${value}`, 'one')
  }
  return value
}

/** The error for a CONTENT_LENGTH that is none. */
export function badContentLength(actual: string, wanted: string): CgiError {
  const shown = actual.slice(0, 60).replace(/[^\x20-\x7e]/g, '.')
  return new CgiError(
    'CGI_BAD_CONTENT_LENGTH',
    `Cannot read a request: CONTENT_LENGTH "${shown}", wanted ${wanted}`,
  )
}
