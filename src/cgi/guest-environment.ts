/**
 * The environment a guest gets: the request's variables, with every path replaced by the one the guest itself can
 * open, and the operator's own. Nothing of this process's environment, ever.
 */
import { TextBlock } from '../base/text-block.ts'
import type { CgiRequest } from './environment.ts'
import type { CgiRole } from './response-head.ts'
import { headOf, type VariableChoice } from './variables.ts'

type SentPath = 'PATH_INFO' | 'PATH_TRANSLATED'

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
  readonly sent?: readonly SentPath[]
  /** More variables: what there was before others took its place. */
  readonly originals?: ReadonlyArray<readonly [name: string, value: string]>
}

export interface GuestEnvironmentOptions extends GuestPaths {
  readonly role: CgiRole
  /** The operator's variables; they win over the request's. Any Unicode text: handed over as UTF-8. Does not change. */
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

const ROLES: readonly CgiRole[] = ['responder', 'authorizer', 'filter']

/** Puts `NAME=value` texts into a block, each name once. Texts are bytes, one char a byte. */
export function putEnvironment(
  request: CgiRequest,
  options: GuestEnvironmentOptions,
  into: TextBlock,
): void {
  const { variables } = request
  const { env, role, pathInfo, documentRoot, sent = NOTHING } = options
  const own = ownOf(options)
  const add = (name: string, value: string): void => {
    if (!Object.hasOwn(env, name)) into.putText(own.head(name), value)
  }
  variables.put(into, own)
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
  for (const entry of own.entries) into.putText(entry, '')
}

/** The same as latin1 strings. */
export function guestEnvironment(request: CgiRequest, options: GuestEnvironmentOptions): string[] {
  const block = new TextBlock()
  putEnvironment(request, options, block)
  return block.texts()
}

/** The operator's variables, and which of a request's there are beside them. */
interface OwnVariables extends VariableChoice {
  /** `NAME=value` each, in UTF-8. */
  readonly entries: readonly Buffer[]
  readonly head: (name: string) => Buffer
}

/** By the role and what is `sent`, as a number. */
const owns = new WeakMap<Readonly<Record<string, string>>, OwnVariables[]>()

function ownOf({ env, role, sent = NOTHING }: GuestEnvironmentOptions): OwnVariables {
  const known = owns.get(env) ?? []
  const paths = (sent.includes('PATH_INFO') ? 1 : 0) + (sent.includes('PATH_TRANSLATED') ? 2 : 0)
  const kind = ROLES.indexOf(role) * 4 + paths
  let own = known[kind]
  if (own === undefined) {
    const entries = Object.entries(env).map(([name, value]) => Buffer.from(`${name}=${value}`))
    const heads = new Map<string, Buffer>()
    const head = (name: string): Buffer => {
      const made = heads.get(name) ?? headOf(name)
      heads.set(name, made)
      return made
    }
    own = { entries, head, takes: (name) => isTaken(name, env, role, sent) }
    known[kind] = own
    owns.set(env, known)
  }
  return own
}

function isTaken(
  name: string,
  env: GuestEnvironmentOptions['env'],
  role: CgiRole,
  sent: readonly string[],
): boolean {
  if (Object.hasOwn(env, name)) return false
  if (REPLACED.has(name) && !sent.includes(name)) return false
  // The password a user typed, for the program that checks it and no other.
  return name !== 'REMOTE_PASSWD' || role === 'authorizer'
}

function queryOf(uri: string): string {
  const start = uri.indexOf('?')
  return start < 0 ? '' : uri.slice(start + 1)
}
