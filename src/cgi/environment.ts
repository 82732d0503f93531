/**
 * The variables of a request (RFC 3875, section 4.1), as web servers really send them: some twice, some forged by the
 * client through header names that collide. What comes out is safe to route on and to show to a guest.
 */
import { CgiError } from './errors.ts'

export interface CgiRequest {
  /** REQUEST_METHOD. */
  readonly method: string
  /** Every variable once. Values are latin1 strings, one char a byte. */
  readonly variables: ReadonlyMap<string, string>
  /** CONTENT_LENGTH in bytes; undefined when absent, empty or `-1`: the body then ends where STDIN ends. */
  readonly contentLength: number | undefined
  /** HTTP_HOST without port and final dot, or SERVER_NAME; lower case. Chosen by the client. */
  readonly host: string
  /** REQUEST_URI as the client wrote it, or rebuilt. May be an absolute URL or `*`. */
  readonly requestUri: string
  /** Path of `requestUri`: still percent-encoded, without scheme, host and query; starts with `/`, or is `*`. */
  readonly path: string
  /** From HTTPS, then REQUEST_SCHEME; never from a header. */
  readonly scheme: 'http' | 'https'
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

const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const HEADER_VARIABLE = /^HTTP_[A-Z0-9_]+$/

/**
 * Reads the name-value pairs of PARAMS, in wire order. Throws `CgiError` (CGI_NO_PARAMS, CGI_BAD_METHOD,
 * CGI_BAD_CONTENT_LENGTH, CGI_BAD_VARIABLE): all of them are answered 400.
 */
export function parseEnvironment(
  params: ReadonlyArray<readonly [name: string, value: string]>,
): CgiRequest {
  if (params.length === 0) {
    throw new CgiError(
      'CGI_NO_PARAMS',
      'Cannot read a request: no variables, wanted at least REQUEST_METHOD',
    )
  }
  const variables = new Map<string, string>()
  for (const [name, value] of params) addVariable(variables, name, value)
  const contentLength = readContentLength(variables)
  const requestUri = variables.get('REQUEST_URI') || rebuiltUri(variables)
  return {
    method: readMethod(variables),
    variables,
    contentLength,
    host: readHost(variables),
    requestUri,
    path: pathOf(requestUri),
    scheme: readScheme(variables),
  }
}

function addVariable(variables: Map<string, string>, name: string, value: string): void {
  if (!isKept(name)) return
  const isHeader = name.startsWith('HTTP_')
  if (value.includes('\0')) {
    // Other variables are the operator's: with a NUL they have no place in an environment, and nobody forged them.
    if (!isHeader && !REQUEST_VARIABLES.has(name)) return
    throw new CgiError(
      'CGI_BAD_VARIABLE',
      `Cannot read a request: a NUL byte in ${name}, wanted none`,
    )
  }
  const previous = variables.get(name)
  variables.set(name, previous === undefined ? value : merge(name, previous, value))
}

/** Web servers send the same names again and again; how many are remembered bounds what a client can fill this with. */
const MAX_KNOWN_NAMES = 512
const knownNames = new Map<string, boolean>()

function isKept(name: string): boolean {
  const known = knownNames.get(name)
  if (known !== undefined) return known
  const kept = name.startsWith('HTTP_') ? isKeptHeader(name) : isKeptName(name)
  if (knownNames.size < MAX_KNOWN_NAMES) knownNames.set(name, kept)
  return kept
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

function isKeptName(name: string): boolean {
  if (name === '' || name.length > 1024) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these cannot be in the name of an environment variable
  return !/[=\0-\x1f\x7f]/.test(name) && name.toUpperCase() !== 'HTTP_PROXY'
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

function readContentLength(variables: Map<string, string>): number | undefined {
  const text = variables.get('CONTENT_LENGTH')
  if (text === undefined || text === '') return undefined
  if (text === '-1') {
    // Caddy 2.6 for a chunked upload. A guest would take it for a number.
    variables.delete('CONTENT_LENGTH')
    return undefined
  }
  const length = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(length)) throw badContentLength(text, 'a decimal number')
  return length
}

function badContentLength(actual: string, wanted: string): CgiError {
  const shown = actual.slice(0, 60).replace(/[^\x20-\x7e]/g, '.')
  return new CgiError(
    'CGI_BAD_CONTENT_LENGTH',
    `Cannot read a request: CONTENT_LENGTH "${shown}", wanted ${wanted}`,
  )
}

function readMethod(variables: ReadonlyMap<string, string>): string {
  const method = variables.get('REQUEST_METHOD') ?? ''
  if (METHOD.test(method)) return method
  const shown = method.slice(0, 60).replace(/[^\x20-\x7e]/g, '.')
  throw new CgiError(
    'CGI_BAD_METHOD',
    `Cannot read a request: REQUEST_METHOD "${shown}", wanted an HTTP method`,
  )
}

function readHost(variables: ReadonlyMap<string, string>): string {
  const host = (variables.get('HTTP_HOST') || variables.get('SERVER_NAME') || '').toLowerCase()
  return host.replace(/:[0-9]*$/, '').replace(/\.$/, '')
}

function rebuiltUri(variables: ReadonlyMap<string, string>): string {
  const path = (variables.get('SCRIPT_NAME') ?? '') + (variables.get('PATH_INFO') ?? '')
  const query = variables.get('QUERY_STRING') ?? ''
  const encoded = path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g, percentEncoded)
  return (encoded || '/') + (query === '' ? '' : `?${query}`)
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function pathOf(requestUri: string): string {
  if (requestUri === '*') return requestUri
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(requestUri)
  const target = absolute === null ? requestUri : requestUri.slice(absolute[0].length)
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path.startsWith('/') ? path : `/${path}`
}

function readScheme(variables: ReadonlyMap<string, string>): 'http' | 'https' {
  const https = variables.get('HTTPS') ?? ''
  if (https !== '') return https.toLowerCase() === 'off' ? 'http' : 'https'
  return variables.get('REQUEST_SCHEME')?.toLowerCase() === 'https' ? 'https' : 'http'
}
