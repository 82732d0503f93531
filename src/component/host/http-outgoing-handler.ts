/** wasi:http's outgoing-handler: sends a guest's request where its tenant's configuration allows. */
import { Errno } from '../../wasi/errno.ts'
import type { ConnectTarget } from '../../wasi/filesystem.ts'
import { type Case, caseOf, err, NONE, ok, some } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Framing, OutputStream } from './guest-output.ts'
import { type Interface, plain } from './host-function.ts'
import { type ExchangeTimes, HttpExchange, refusalOf } from './http-exchange.ts'
import { type Fields, linesOf } from './http-fields.ts'
import { FutureIncomingResponse } from './http-incoming-response.ts'
import type { OutgoingRequest } from './http-outgoing.ts'
import { STDOUT } from './http-outgoing-body.ts'
import { type RequestOptions, textOf } from './http-request-functions.ts'

const PORTS = { tcp: 80, tls: 443 } as const
/** They are said by the request's authority, and by nobody but this server. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['host', 'expect'])
/** Of which servers want to know how long the body is. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

const CHUNKED = 'transfer-encoding: chunked\r\n'
/** A server sends no trailers to who does not say that they are taken (RFC 9110, section 6.5.1). */
const CONNECTION = 'te: trailers\r\nconnection: close, te\r\n'

export const OUTGOING_HANDLER: Interface = {
  handle: plain(
    '(own<$outgoing-request>, option<own<$request-options>>) -> result<own<$future-incoming-response>, $http-error>',
    (host) => (request: OutgoingRequest, options: Case) =>
      send(host, request, options.value as RequestOptions | undefined),
  ),
}

function send(
  host: ComponentHost,
  request: OutgoingRequest,
  options: RequestOptions | undefined,
): Case {
  const framing = framingOf(request)
  if (framing === undefined) return err(caseOf('HTTP-request-body-size', NONE))
  const stream = request.body?.stream ?? new OutputStream(host.calls, { fd: STDOUT }, true)
  const exchange = beginExchange(host, request, { stream, framing, options })
  if ('tag' in exchange) return err(exchange)
  if (request.body !== undefined && !request.body.isFinished)
    request.body.onCutShort = () => {
      exchange.fail(caseOf('internal-error', some('the body of the request was not finished')))
    }
  return ok(new FutureIncomingResponse(exchange))
}

/** Where one request is sent to. */
interface HttpTarget extends ConnectTarget {
  readonly method: string
}

/** What a request says before its body. */
interface RequestHead {
  readonly method: Case
  readonly path: Case
  readonly scheme: Case
  readonly authority: Case
  readonly fields: Fields
}

interface SentBody {
  /** Held back until now. */
  readonly stream: OutputStream
  readonly framing: Framing
  readonly options: RequestOptions | undefined
}

/** Begins to send a request, in any version of wasi:http. Answers the code of why that is not done. */
export function beginExchange(
  host: ComponentHost,
  request: RequestHead,
  { stream, framing, options }: SentBody,
): HttpExchange | Case {
  const target = targetOf(request)
  if ('tag' in target) return target
  const fd = host.connect(target)
  if (fd < 0) return deniedOf(-fd)
  const isHead = target.method === 'HEAD'
  const exchange = new HttpExchange(host, { fd, request: stream, isHead }, timesOf(options))
  const head = Buffer.from(headOf(request, target, framing), 'latin1')
  host.charge(head.length)
  stream.release(head, { fd, framing })
  return exchange
}

/** Or what is wrong with it. */
function targetOf({ method, scheme, authority }: RequestHead): HttpTarget | Case {
  const name = method.tag === 'other' ? (textOf(method) ?? '') : method.tag.toUpperCase()
  if (name === 'CONNECT') return caseOf('HTTP-request-method-invalid')
  const called = scheme.tag === 'none' ? 'HTTPS' : (scheme.value as Case).tag
  if (called === 'other') return caseOf('HTTP-request-URI-invalid')
  const protocol = called === 'HTTP' ? 'tcp' : 'tls'
  const [, host, digits] = /^(.*?)(?::([0-9]+))?$/.exec(textOf(authority) ?? '') ?? []
  const port = digits === undefined ? PORTS[protocol] : Number(digits)
  if (host === undefined || host === '' || port < 1 || port > 65_535)
    return caseOf('HTTP-request-URI-invalid')
  return { protocol, host, port, method: name }
}

/** undefined: it says that it has a body of another length than it has. */
function framingOf({ fields, body }: OutgoingRequest): Framing | undefined {
  const taken = body?.stream.taken ?? 0
  const isAll = body === undefined || body.isFinished
  const most = declaredLength(fields)
  if (most === undefined)
    return {
      isChunked: !isAll || taken > 0 || body?.stream.hasTrailers === true,
      most: Number.POSITIVE_INFINITY,
    }
  if (Number.isNaN(most) || taken > most) return undefined
  return isAll && taken < most ? undefined : { isChunked: false, most }
}

/** What they say of a body; undefined: nothing; NaN: what is no length. */
export function declaredLength(fields: Fields): number | undefined {
  const [length, ...others] = fields
    .named('content-length')
    .map((value) => Buffer.from(value).toString())
  if (length === undefined) return undefined
  return others.length === 0 && /^[0-9]{1,15}$/.test(length) ? Number(length) : Number.NaN
}

function headOf(
  { path, authority, fields }: RequestHead,
  { method }: HttpTarget,
  { isChunked }: Framing,
): string {
  const written = textOf(path) ?? ''
  const target = written === '' || written.startsWith('?') ? `/${written}` : written
  const own = linesOf(fields.entries.filter(([name]) => !OWN_FIELDS.has(name)))
  const isEmpty = fields.named('content-length').length === 0 && WITH_BODY.has(method)
  const framing = isChunked ? CHUNKED : isEmpty ? 'content-length: 0\r\n' : ''
  const first = `${method} ${target} HTTP/1.1\r\nhost: ${textOf(authority) ?? ''}\r\n`
  return `${first}${own}${framing}${CONNECTION}\r\n`
}

function timesOf(options: RequestOptions | undefined): ExchangeTimes {
  const time = (value: Case | undefined): bigint | undefined => value?.value as bigint | undefined
  return {
    connect: time(options?.connect),
    firstByte: time(options?.['first-byte']),
    betweenBytes: time(options?.['between-bytes']),
  }
}

/** What is known at once: no entry allows it, or there are none. */
function deniedOf(errno: number): Case {
  return errno === Errno.ACCES || errno === Errno.NOENT
    ? caseOf('HTTP-request-denied')
    : refusalOf(errno)
}
