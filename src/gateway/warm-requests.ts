/** Requests that are run ahead of all others, as a web server would send them. */
import { randomFillSync } from 'node:crypto'
import { nameValuesOf } from '../base/name-values.ts'
import { percentDecoded } from '../base/percent.ts'
import { type CgiRequest, parseEnvironment } from '../cgi/environment.ts'
import { type GuestPaths, guestEnvironment } from '../cgi/guest-environment.ts'
import type { BootRun, WarmRequest } from '../guest/boot.ts'
import type { WasiGrants, WasiLimits } from '../wasi/session.ts'
import { GatewayError } from './errors.ts'
import type { HandlerSettings } from './handler-settings.ts'

/** A script that answers a request. */
interface FoundScript {
  readonly paths: GuestPaths
  readonly settings: HandlerSettings
}

/** What answers a request: a script of this runtime, or of another one; undefined: none does. */
export type FindScript = (cgi: CgiRequest) => FoundScript | 'another' | undefined

export interface AskedRequest extends WarmRequest {
  /** As it was asked for. */
  readonly path: string
}

interface WarmRequestParts {
  readonly find: FindScript
  /** File that answers where none does, as in front controllers; undefined: none. */
  readonly index: string | undefined
  /** Names that the tenant is asked by. */
  readonly hosts: readonly string[]
  readonly limits: WasiLimits
  readonly onFile: NonNullable<WasiGrants['onFile']>
  /** A path, and why nothing answers it. */
  readonly onUnanswered: (path: string, error: unknown) => void
}

/** `paths`: of URLs, with their queries. */
export function warmRequests(paths: readonly string[], parts: WarmRequestParts): AskedRequest[] {
  return paths.flatMap((path) => {
    try {
      return warmRequest(path, parts)
    } catch (error) {
      parts.onUnanswered(path, error)
      return []
    }
  })
}

/** Throws `GatewayError`, `CgiError`, `GuestError`. */
function warmRequest(path: string, parts: WarmRequestParts): AskedRequest[] {
  const { find, index } = parts
  const [encoded = '', query = ''] = path.split(/\?(.*)/s)
  const names = [percentDecoded(encoded), ...(index === undefined ? [] : [`/${index}`])]
  for (const scriptName of names) {
    const cgi = parseEnvironment(nameValuesOf(variablesOf({ path, query, scriptName }, parts)))
    const found = find(cgi)
    if (found === 'another') return []
    if (found !== undefined) return [requestOf(path, { cgi, found }, parts)]
  }
  const message = `Cannot run GET ${path} ahead: no script answers it, wanted the path of one`
  throw new GatewayError('GATEWAY_UNKNOWN_HANDLER', message)
}

/** For one that is granted nothing but its variables: `GET /`, as nobody has sent it. */
export function rehearsalOf(
  { env }: HandlerSettings,
  parts: Pick<WarmRequestParts, 'hosts' | 'limits'>,
): Pick<BootRun, 'grants'> {
  const asked = { path: '/', query: '', scriptName: '' }
  const cgi = parseEnvironment(nameValuesOf(variablesOf(asked, parts)))
  const paths = { documentRoot: '/', scriptFilename: '/', scriptName: '', pathInfo: '/' }
  return {
    grants: {
      env: guestEnvironment(cgi, { ...paths, role: 'responder', env }),
      preopens: [],
      random: (into) => void randomFillSync(into),
      limits: parts.limits,
    },
  }
}

interface Asked {
  readonly path: string
  readonly query: string
  readonly scriptName: string
}

function variablesOf(
  { path, query, scriptName }: Asked,
  { hosts }: Pick<WarmRequestParts, 'hosts'>,
): Array<[name: string, value: string]> {
  const host = hosts.find((one) => !one.startsWith('*')) ?? 'localhost'
  return [
    ['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', path],
    ['QUERY_STRING', query],
    ['SCRIPT_NAME', scriptName],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SERVER_NAME', host],
    ['SERVER_PORT', '80'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['HTTP_HOST', host],
    ['HTTP_USER_AGENT', 'wasm-fpm'],
  ]
}

function requestOf(
  path: string,
  { cgi, found }: { readonly cgi: CgiRequest; readonly found: FoundScript },
  { limits, onFile }: WarmRequestParts,
): AskedRequest {
  const { paths, settings } = found
  const { env, cpuMs, wallMs, makePreopens } = settings
  return {
    path,
    name: `GET ${path}`,
    grants: {
      env: guestEnvironment(cgi, { ...paths, role: 'responder', env }),
      preopens: makePreopens({ requestId: 'warm', handler: paths.scriptFilename }),
      random: (into) => void randomFillSync(into),
      onFile,
      limits,
    },
    cpuMs,
    wallMs,
  }
}
