/** What the built-in HTTP front says about a request: the meta-variables of CGI (RFC 3875, section 4.1). */
import type { IncomingMessage } from 'node:http'
import type { Pairs } from '../../fastcgi/params.ts'

/** Not passed on as HTTP_*: they have a variable of their own, are about one connection, or (Proxy) are an attack. */
const WITHHELD: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'connection',
  'expect',
  'keep-alive',
  'proxy',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Other characters could make one variable of two different headers (X_Real_IP and X-Real-IP). */
const SAFE_NAME = /^[a-z0-9-]+$/

const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i

/** Every string has one char a byte, as Node gives them and FastCGI takes them. */
export function cgiParams(request: IncomingMessage): Pairs {
  const { socket, headers } = request
  const uri = request.url ?? '/'
  const target = uri.replace(ABSOLUTE_FORM, '')
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const pairs: [string, string][] = [
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'wasm-fpm'],
    ['SERVER_PROTOCOL', `HTTP/${request.httpVersion}`],
    ['SERVER_NAME', hostName(headers.host) ?? socket.localAddress ?? ''],
    ['SERVER_PORT', String(socket.localPort ?? '')],
    ['SERVER_ADDR', socket.localAddress ?? ''],
    ['REMOTE_ADDR', socket.remoteAddress ?? ''],
    ['REMOTE_PORT', String(socket.remotePort ?? '')],
    ['REQUEST_METHOD', request.method ?? 'GET'],
    ['REQUEST_SCHEME', 'http'],
    ['HTTPS', 'off'],
    ['REQUEST_URI', uri],
    ['SCRIPT_NAME', percentDecoded(path === '' ? '/' : path)],
    ['QUERY_STRING', mark < 0 ? '' : target.slice(mark + 1)],
  ]
  const { 'content-type': type, 'content-length': length } = headers
  if (type !== undefined) pairs.push(['CONTENT_TYPE', type])
  if (length !== undefined) pairs.push(['CONTENT_LENGTH', length])
  for (const [name, value] of headerVariables(request.rawHeaders)) pairs.push([name, value])
  return pairs
}

/** HTTP_*: a name once, the values of repeated fields joined (RFC 9110, section 5.3; cookies: RFC 6265, 5.4). */
function headerVariables(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    if (WITHHELD.has(name) || !SAFE_NAME.test(name)) continue
    const variable = `HTTP_${name.toUpperCase().replaceAll('-', '_')}`
    const value = rawHeaders[at + 1] ?? ''
    const before = variables.get(variable)
    const separator = name === 'cookie' ? '; ' : ', '
    variables.set(variable, before === undefined ? value : `${before}${separator}${value}`)
  }
  return variables
}

/** The host of a Host header without the port. */
function hostName(host: string | undefined): string | undefined {
  return /^(\[[^\]]*\]|[^:]*)(?::[0-9]*)?$/.exec(host ?? '')?.[1] || undefined
}

/** A byte for each `%xx`; not UTF-8 decoded: variables are bytes. A lone `%` stays. */
function percentDecoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
