/**
 * The variables of a request (RFC 3875, section 4.1), as web servers really send them: some twice, some forged by the
 * client through header names that collide. What comes out is safe to route on and to show to a guest.
 */
import type { NameValues } from '../base/name-values.ts'
import { CgiError } from './errors.ts'
import { badContentLength, type VariableReader, Variables } from './variables.ts'

export interface CgiRequest {
  /** REQUEST_METHOD. */
  readonly method: string
  /** Every variable once. */
  readonly variables: Variables
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

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/

/**
 * Reads the name-value pairs of PARAMS, in wire order. Throws `CgiError` (CGI_NO_PARAMS, CGI_BAD_METHOD,
 * CGI_BAD_CONTENT_LENGTH, CGI_BAD_VARIABLE): all of them are answered 400.
 */
export function parseEnvironment(params: NameValues): CgiRequest {
  if (params.length === 0) {
    throw new CgiError(
      'CGI_NO_PARAMS',
      'Cannot read a request: no variables, wanted at least REQUEST_METHOD',
    )
  }
  return new ParsedRequest(new Variables(params))
}

/** What can be wrong is looked at once, the rest when somebody asks for it: most requests need little of it. */
class ParsedRequest implements CgiRequest {
  readonly variables: Variables
  readonly method: string
  readonly contentLength: number | undefined
  #requestUri: string | undefined

  constructor(variables: Variables) {
    this.variables = variables
    this.contentLength = readContentLength(variables)
    this.method = readMethod(variables)
  }

  get host(): string {
    return readHost(this.variables)
  }

  get requestUri(): string {
    this.#requestUri ??= this.variables.get('REQUEST_URI') || rebuiltUri(this.variables)
    return this.#requestUri
  }

  get path(): string {
    return pathOf(this.requestUri)
  }

  get scheme(): 'http' | 'https' {
    return readScheme(this.variables)
  }
}

function readContentLength(variables: Variables): number | undefined {
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

/** It was one. */
let lastMethod = 'GET'

function readMethod(variables: VariableReader): string {
  const method = variables.get('REQUEST_METHOD') ?? ''
  if (method === lastMethod) return method
  if (METHOD.test(method)) {
    lastMethod = method
    return method
  }
  const shown = method.slice(0, 60).replace(/[^\x20-\x7e]/g, '.')
  throw new CgiError(
    'CGI_BAD_METHOD',
    `Cannot read a request: REQUEST_METHOD "${shown}", wanted an HTTP method`,
  )
}

/** The last one, and its name: whoever looks that up in a table finds its hash ready. */
let [lastHost, lastHostName] = ['', '']

function readHost(variables: VariableReader): string {
  const host = variables.get('HTTP_HOST') || variables.get('SERVER_NAME') || ''
  if (host === lastHost) return lastHostName
  const name = host.toLowerCase().replace(/:[0-9]*$/, '')
  lastHost = host
  lastHostName = name.endsWith('.') ? name.slice(0, -1) : name
  return lastHostName
}

function rebuiltUri(variables: VariableReader): string {
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
  const absolute = requestUri.startsWith('/') ? null : ABSOLUTE.exec(requestUri)
  const target = absolute === null ? requestUri : requestUri.slice(absolute[0].length)
  const end = target.search(/[?#]/)
  const path = end < 0 ? target : target.slice(0, end)
  return path.startsWith('/') ? path : `/${path}`
}

function readScheme(variables: VariableReader): 'http' | 'https' {
  const https = variables.get('HTTPS') ?? ''
  if (https !== '') return https.toLowerCase() === 'off' ? 'http' : 'https'
  return variables.get('REQUEST_SCHEME')?.toLowerCase() === 'https' ? 'https' : 'http'
}
