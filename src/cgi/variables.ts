/**
 * The variables of a request, each once, made safe: some arrive twice, some were forged by the client through header names
 * that collide.
 *
 * Web servers send the same names in the same order again and again. So the names, and what is to become of each, are in a
 * layout that requests share; the values stay the bytes they came as, and become strings when somebody asks for them.
 */
import type { NameValues, Pair } from '../base/name-values.ts'
import type { TextBlock } from '../base/text-block.ts'
import { CgiError } from './errors.ts'

/** Variables as most readers see them; a `Map` will do. Values are latin1 strings, one char a byte. */
export interface VariableReader extends Iterable<Pair> {
  get(name: string): string | undefined
  has(name: string): boolean
}

/** Says of the same name the same each time. */
export interface VariableChoice {
  takes(name: string): boolean
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
  /** Beside each name, where its value goes; `DROPPED`: nowhere. */
  readonly places: readonly number[]
  /** Each name that is kept, once, with its place. */
  readonly placeOf: ReadonlyMap<string, number>
  /** For each place, the one name's number that goes there; with fewer names than values there are several. */
  readonly indexes: readonly number[]
  readonly hasDuplicates: boolean
  /** For each place, the value that was asked for last: most are the same again. */
  readonly lastValues: (string | undefined)[]
  /** What has been chosen of them. */
  readonly taken: WeakMap<VariableChoice, readonly Taken[]>
}

/** A variable whose value goes to an environment as it came. */
interface Taken {
  readonly name: string
  /** `NAME=`. */
  readonly head: Buffer
  /** Its number in the request. */
  readonly index: number
}

const DROPPED = -1

/** Longer values are seldom the same again. */
const MAX_LAST_VALUE_CHARS = 256

export class Variables implements VariableReader {
  readonly #layout: Layout
  readonly #params: NameValues
  /** Where some name comes twice, or a value cannot be taken as it is; by place. */
  readonly #values: readonly (string | undefined)[] | undefined
  #deleted: string | undefined

  /** Throws `CgiError` (CGI_BAD_VARIABLE, CGI_BAD_CONTENT_LENGTH). */
  constructor(params: NameValues) {
    this.#params = params
    this.#layout = layoutOf(params.names)
    const isPlain = !this.#layout.hasDuplicates && !hasNul(params)
    this.#values = isPlain ? undefined : valuesOf(params, this.#layout)
  }

  get(name: string): string | undefined {
    const { placeOf, indexes } = this.#layout
    const place = placeOf.get(name)
    if (place === undefined || name === this.#deleted) return undefined
    return this.#values === undefined
      ? this.#plainValue(place, indexes[place] ?? 0)
      : this.#values[place]
  }

  has(name: string): boolean {
    if (this.#values !== undefined) return this.get(name) !== undefined
    return this.#layout.placeOf.has(name) && name !== this.#deleted
  }

  delete(name: 'CONTENT_LENGTH'): void {
    this.#deleted = name
  }

  /** Puts `NAME=value` of all that are taken into a block of texts, as the bytes they came as. */
  put(into: TextBlock, choice: VariableChoice): void {
    if (this.#values !== undefined) {
      for (const [name, value] of this) if (choice.takes(name)) into.putText(headOf(name), value)
      return
    }
    const { bytes } = this.#params
    for (const { name, head, index } of takenOf(this.#layout, choice)) {
      if (name === this.#deleted) continue
      into.putBytes(head, bytes, this.#params.startOf(index), this.#params.endOf(index))
    }
  }

  *[Symbol.iterator](): Iterator<Pair> {
    for (const name of this.#layout.placeOf.keys()) {
      const value = this.get(name)
      if (value !== undefined) yield [name, value]
    }
  }

  /** The very string it was the last time, if it is the same: whoever looks it up in a table finds its hash ready. */
  #plainValue(place: number, index: number): string {
    const { bytes } = this.#params
    const start = this.#params.startOf(index)
    const end = this.#params.endOf(index)
    if (start === end) return ''
    const { lastValues } = this.#layout
    const last = lastValues[place]
    if (last !== undefined && isSame(last, bytes, start, end)) return last
    const value = bytes.toString('latin1', start, end)
    if (value.length <= MAX_LAST_VALUE_CHARS) lastValues[place] = value
    return value
  }
}

function takenOf({ placeOf, indexes, taken }: Layout, choice: VariableChoice): readonly Taken[] {
  const known = taken.get(choice)
  if (known !== undefined) return known
  const chosen = [...placeOf]
    .filter(([name]) => choice.takes(name))
    .map(([name, place]) => {
      return { name, head: headOf(name), index: indexes[place] ?? 0 }
    })
  taken.set(choice, chosen)
  return chosen
}

/** What an environment has of a variable before its value. */
export function headOf(name: string): Buffer {
  return Buffer.from(`${name}=`, 'latin1')
}

function isSame(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) !== bytes[start + at]) return false
  }
  return true
}

/** Whether any value holds a NUL byte. Lengths do, so bytes are looked for from one value to the next. */
function hasNul(params: NameValues): boolean {
  const { bytes, length } = params
  let nul = bytes.indexOf(0)
  for (let index = 0; index < length && nul >= 0; index += 1) {
    const start = params.startOf(index)
    if (nul < start) nul = bytes.indexOf(0, start)
    if (nul >= 0 && nul < params.endOf(index)) return true
  }
  return false
}

function valuesOf(params: NameValues, { places, placeOf }: Layout): (string | undefined)[] {
  const values = new Array<string | undefined>(placeOf.size)
  for (const [index, name] of params.names.entries()) {
    const place = places[index] ?? DROPPED
    if (place === DROPPED) continue
    const value = params.value(index)
    if (!isKeptValue(name, value)) continue
    const previous = values[place]
    values[place] = previous === undefined ? value : merge(name, previous, value)
  }
  return values
}

/** Lists of names are shared by requests that have the same ones. */
const layouts = new WeakMap<readonly string[], Layout>()

/** The list that came last, and its layout. */
let latestNames: readonly string[] | undefined
let latest: Layout | undefined

function layoutOf(names: readonly string[]): Layout {
  if (names === latestNames && latest !== undefined) return latest
  let layout = layouts.get(names)
  if (layout === undefined) {
    layout = makeLayout(names)
    layouts.set(names, layout)
  }
  latestNames = names
  latest = layout
  return layout
}

function makeLayout(names: readonly string[]): Layout {
  const placeOf = new Map<string, number>()
  const indexes: number[] = []
  let hasDuplicates = false
  const places = names.map((name, index) => {
    const known = placeOf.get(name)
    if (known !== undefined) {
      hasDuplicates = true
      return known
    }
    if (!isKeptName(name)) return DROPPED
    placeOf.set(name, placeOf.size)
    indexes.push(index)
    return placeOf.size - 1
  })
  const lastValues = new Array<string | undefined>(placeOf.size)
  return { places, placeOf, indexes, hasDuplicates, lastValues, taken: new WeakMap() }
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
