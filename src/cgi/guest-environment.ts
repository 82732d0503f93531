/**
 * The environment a guest gets: the request's variables, with every path replaced by the one the guest itself can
 * open, and the operator's own. Nothing of this process's environment, ever.
 */
import type { CgiRequest } from './environment.ts'
import type { CgiRole } from './response-head.ts'

export interface GuestPaths {
  /** Where the guest sees the tenant's document root. */
  readonly documentRoot: string
  /** Where the guest would see its own module. */
  readonly scriptFilename: string
  readonly scriptName: string
  /** Empty: none; undefined: not even the variable. */
  readonly pathInfo: string | undefined
  /** Default: `documentRoot` + `pathInfo`, where there is one. */
  readonly pathTranslated?: string
  /** Of PATH_INFO and PATH_TRANSLATED those that the guest gets as the web server has sent them, or not at all. Default: none. */
  readonly sent?: readonly string[]
  /** More variables: what there was before others took its place. */
  readonly originals?: ReadonlyArray<readonly [name: string, value: string]>
}

export interface GuestEnvironmentOptions extends GuestPaths {
  readonly role: CgiRole
  /** The operator's variables; they win over the request's. Any Unicode text: handed over as UTF-8. */
  readonly env: Readonly<Record<string, string>>
}

/** Variables of the request that guests do not get as they came. */
const REPLACED: ReadonlySet<string> = new Set([
  'DOCUMENT_ROOT',
  'SCRIPT_FILENAME',
  'SCRIPT_NAME',
  'PATH_INFO',
  'PATH_TRANSLATED',
  'FCGI_ROLE',
  // How the web server named the tenant: between it and us.
  'WASM_FPM_TENANT',
  // Apache: paths on the web server's machine, and the search path of its own process.
  'CONTEXT_DOCUMENT_ROOT',
  'CONTEXT_PREFIX',
  'PATH',
])

/** What RFC 3875 says a script always gets and some web servers leave out. */
const REQUIRED: ReadonlyArray<readonly [string, (request: CgiRequest) => string]> = [
  ['GATEWAY_INTERFACE', () => 'CGI/1.1'],
  ['QUERY_STRING', ({ requestUri }) => queryOf(requestUri)],
  ['REQUEST_URI', ({ requestUri }) => requestUri],
  ['SERVER_NAME', ({ host }) => host],
  ['SERVER_PORT', ({ scheme }) => (scheme === 'https' ? '443' : '80')],
  ['SERVER_PROTOCOL', () => 'HTTP/1.1'],
  ['SERVER_SOFTWARE', () => 'wasm-fpm'],
]

const NOTHING: readonly never[] = []

const ROLE_NAMES: Readonly<Record<CgiRole, string>> = {
  responder: 'RESPONDER',
  authorizer: 'AUTHORIZER',
  filter: 'FILTER',
}

/** Prints `NAME=value` strings, latin1, one char a byte; each name once. */
export function guestEnvironment(request: CgiRequest, options: GuestEnvironmentOptions): string[] {
  const { variables } = request
  const { env, role, pathInfo, documentRoot, sent = NOTHING } = options
  const entries: string[] = []
  const add = (name: string, value: string): void => {
    if (!Object.hasOwn(env, name)) entries.push(`${name}=${value}`)
  }
  variables.forEach((value, name) => {
    if (REPLACED.has(name) && !sent.includes(name)) return
    // The password a user typed, for the program that checks it and no other.
    if (name === 'REMOTE_PASSWD' && role !== 'authorizer') return
    add(name, value)
  })
  for (const [name, usual] of REQUIRED) if (!variables.has(name)) add(name, usual(request))
  add('DOCUMENT_ROOT', documentRoot)
  add('SCRIPT_FILENAME', options.scriptFilename)
  add('SCRIPT_NAME', options.scriptName)
  if (pathInfo !== undefined && !sent.includes('PATH_INFO')) add('PATH_INFO', pathInfo)
  if (!sent.includes('PATH_TRANSLATED')) {
    const usual = pathInfo ? documentRoot + pathInfo : ''
    const { pathTranslated = usual } = options
    if (pathTranslated !== '') add('PATH_TRANSLATED', pathTranslated)
  }
  for (const [name, value] of options.originals ?? NOTHING) add(name, value)
  add('FCGI_ROLE', ROLE_NAMES[role])
  for (const name of Object.keys(env)) entries.push(asBytes(`${name}=${env[name] ?? ''}`))
  return entries
}

function queryOf(uri: string): string {
  const start = uri.indexOf('?')
  return start < 0 ? '' : uri.slice(start + 1)
}

/** Text as its UTF-8 bytes, one char a byte. */
function asBytes(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}
