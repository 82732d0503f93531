/** wasi:http 0.3: a request and a response, of the guest's or for it. Their bodies are streams, their trailers futures. */
import type { Channel } from '../channel.ts'
import { type Case, caseOf, err, HostResource, NONE, OK, ok, some, type Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { makeFuture, resolveFuture, takeFuture } from './host-future.ts'
import type { Fields } from './http-fields.ts'
import { authorityOf, fieldsOf, methodOf, pathOf, schemeOf } from './http-request.ts'
import type { RequestOptions } from './http-request-functions.ts'
import { StreamSource } from './stream-source.ts'

const STDIN = 0

/** Of a guest: its stream, and what comes behind it. Told when all of it has gone out, or why not. */
export interface OwnBody {
  readonly contents: Channel | undefined
  readonly trailers: Channel
  readonly sent: Channel
}

abstract class HttpMessage extends HostResource {
  readonly fields: Fields
  /** Undefined: that of the request which has come. */
  readonly body: OwnBody | undefined

  constructor(fields: Fields, body: OwnBody | undefined) {
    super()
    this.fields = fields
    this.body = body
  }

  /** Nobody reads what is written to it. */
  override drop(): void {
    if (this.body === undefined) return
    const { contents, trailers, sent } = this.body
    contents?.drop()
    trailers.drop()
    resolveFuture(sent, err(caseOf('internal-error', some('it was not sent'))))
  }
}

export class HttpRequest extends HttpMessage {
  method: Case = caseOf('get')
  path: Case = NONE
  scheme: Case = NONE
  authority: Case = NONE
  options: RequestOptions | undefined

  /** The request that has come. */
  static of({ variables }: ComponentHost): HttpRequest {
    const request = new HttpRequest(fieldsOf(variables), undefined)
    request.method = methodOf(variables)
    request.path = pathOf(variables)
    request.scheme = schemeOf(variables)
    request.authority = authorityOf(variables)
    return request
  }
}

export class HttpResponse3 extends HttpMessage {
  status = 200
}

/** What a guest makes one of. */
export function ownBody(contents: Case, trailers: Channel): OwnBody {
  const { value } = contents
  return { contents: value as Channel | undefined, trailers, sent: makeFuture() }
}

/** The stream of a message, and the future behind it. `result`: how the guest has fared with it, which nobody asks for. */
export function consumeBody(host: ComponentHost, { body }: HttpMessage, result: Channel): Value {
  takeFuture(result, () => undefined)
  if (body !== undefined) {
    resolveFuture(body.sent, OK)
    return [body.contents ?? emptyStream(host), body.trailers]
  }
  const trailers = makeFuture()
  const source = new StreamSource(
    host.work,
    new InputStream(host.calls, { fd: STDIN }),
    // FastCGI has no trailers, and what ends is told of by the status of the request.
    () => resolveFuture(trailers, ok(NONE)),
  )
  return [source.channel, trailers]
}

function emptyStream(host: ComponentHost): Channel {
  return new StreamSource(host.work, new InputStream(host.calls, undefined), () => undefined)
    .channel
}
