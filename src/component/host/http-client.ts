/**
 * wasi:http's client of 0.3: sends a guest's request where its tenant's configuration allows, as the outgoing handler of 0.2 does. Its
 * body is a stream that goes out as the connection takes it, and that of the answer one that comes as the guest reads it.
 *
 *     the request ──> its body ──> its trailers ──> written out
 *     ──────────────> the head of the answer ──> its body, as it is read ──> its trailers
 */
import type { Channel } from '../channel.ts'
import { Deferred } from '../deferred.ts'
import { type Case, caseOf, err, NONE, OK, ok, some, type Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Framing, OutputStream } from './guest-output.ts'
import { type Interface, waiting } from './host-function.ts'
import { makeFuture, resolveFuture, takeFuture } from './host-future.ts'
import type { AnswerHead } from './http-answer-reader.ts'
import type { HttpExchange } from './http-exchange.ts'
import { Fields, linesOf } from './http-fields.ts'
import { AnswerStream } from './http-incoming-response.ts'
import { consumeBody, type HttpRequest, HttpResponse3 } from './http-messages-3.ts'
import { NO_TRAILERS, STDOUT } from './http-outgoing-body.ts'
import { beginExchange, declaredLength } from './http-outgoing-handler.ts'
import type { IoError } from './io-error.ts'
import type { Wish } from './preview1-calls.ts'
import { StreamSink } from './stream-sink.ts'
import { StreamSource } from './stream-source.ts'

export const HTTP_CLIENT: Interface = {
  send: waiting('async (own<$request-3>) -> result<own<$response-3>, $http-error>', (host) => {
    return (request: HttpRequest) => send(host, request)
  }),
}

function send(host: ComponentHost, request: HttpRequest): Case | Deferred {
  const streams = request.body ?? received(host, request)
  const framing = framingOf(request, streams.contents)
  if (framing === undefined) return refused(streams, caseOf('HTTP-request-body-size', NONE))
  const stream = new OutputStream(host.calls, { fd: STDOUT }, true)
  const exchange = beginExchange(host, request, { stream, framing, options: request.options })
  if ('tag' in exchange) return refused(streams, exchange)
  new SentBody(host, { exchange, stream, framing }).begin(streams)
  return new ComingResponse(host, exchange)
}

function refused({ contents, trailers, sent }: Streams, code: Case): Case {
  contents?.drop()
  trailers.drop()
  resolveFuture(sent, err(code))
  return err(code)
}

/** Of the request that has come: what it says goes on, and nobody hears how. */
function received(host: ComponentHost, request: HttpRequest): Streams {
  const [contents, trailers] = consumeBody(host, request, makeFuture()) as [Channel, Channel]
  return { contents, trailers, sent: makeFuture() }
}

function framingOf({ fields }: HttpRequest, contents: Channel | undefined): Framing | undefined {
  const most = declaredLength(fields)
  if (most === undefined)
    return { isChunked: contents !== undefined, most: Number.POSITIVE_INFINITY }
  if (Number.isNaN(most) || (contents === undefined && most > 0)) return undefined
  return { isChunked: false, most }
}

interface Streams {
  readonly contents: Channel | undefined
  readonly trailers: Channel
  readonly sent: Channel
}

interface Sending {
  readonly exchange: HttpExchange
  readonly stream: OutputStream
  readonly framing: Framing
}

/** The body of a request and what comes behind it, on their way. */
class SentBody {
  readonly #host: ComponentHost
  readonly #sending: Sending
  #sent: Channel | undefined
  #hasEnded = false

  constructor(host: ComponentHost, sending: Sending) {
    this.#host = host
    this.#sending = sending
  }

  begin({ contents, trailers, sent }: Streams): void {
    this.#sent = sent
    const { work } = this.#host
    work.add(this)
    if (contents === undefined) this.#awaitTrailers(trailers)
    else
      work.add(
        new StreamSink(contents, this.#sending.stream, (problem) => {
          if (problem === undefined) this.#awaitTrailers(trailers)
          else {
            trailers.drop()
            this.#fail(this.#codeOf(problem))
          }
        }),
      )
  }

  step(): 'idle' | 'over' {
    const { stream } = this.#sending
    const room = stream.check()
    if (room.tag !== 'ok') this.#tell(err(this.#codeOf((room.value as Case).value as IoError)))
    else if (!this.#hasEnded || stream.isBehind) return 'idle'
    else this.#tell(OK)
    return 'over'
  }

  wishes(): readonly Wish[] {
    return this.#sending.stream.wishes() ?? []
  }

  #awaitTrailers(trailers: Channel): void {
    const { stream, framing } = this.#sending
    if (Number.isFinite(framing.most) && framing.most !== stream.taken) {
      trailers.drop()
      this.#fail(this.#sizeCode())
      return
    }
    takeFuture(trailers, (value) => {
      const { tag, value: found } = value as Case
      if (tag === 'ok') this.#end((found as Case).value as Fields | undefined)
      else this.#fail(found as Case)
    })
  }

  #end(trailers: Fields | undefined): void {
    const given = trailers?.entries ?? []
    // Behind a body in chunks, and what must be known before it is not among them.
    const { stream, framing } = this.#sending
    if (given.length > 0 && (!framing.isChunked || given.some(([name]) => NO_TRAILERS.has(name))))
      this.#fail(caseOf('HTTP-protocol-error'))
    else {
      stream.end(Buffer.from(linesOf(given), 'latin1'))
      this.#hasEnded = true
    }
  }

  #fail(code: Case): void {
    this.#tell(err(code))
    this.#sending.exchange.fail(code)
  }

  #tell(outcome: Case): void {
    if (this.#sent !== undefined) resolveFuture(this.#sent, outcome)
    this.#sent = undefined
  }

  #codeOf({ code }: IoError): Case {
    return this.#sending.stream.isTooLong
      ? this.#sizeCode()
      : (code ?? caseOf('connection-terminated'))
  }

  #sizeCode(): Case {
    return caseOf('HTTP-request-body-size', some(BigInt(this.#sending.stream.taken)))
  }
}

class ComingResponse extends Deferred {
  readonly #host: ComponentHost
  readonly #exchange: HttpExchange

  constructor(host: ComponentHost, exchange: HttpExchange) {
    super()
    this.#host = host
    this.#exchange = exchange
  }

  outcome(): readonly [Value] | undefined {
    const outcome = this.#exchange.outcome()
    if (outcome === undefined) return undefined
    return ['status' in outcome ? ok(this.#response(outcome)) : err(outcome)]
  }

  wishes(): readonly Wish[] {
    return this.#exchange.wishes() ?? []
  }

  override cancel(): void {
    this.#exchange.close()
  }

  #response(head: AnswerHead): HttpResponse3 {
    const exchange = this.#exchange
    const { work, calls } = this.#host
    const trailers = makeFuture()
    const source = new StreamSource(work, new AnswerStream(calls, exchange), () => {
      const found = exchange.trailers()
      exchange.close()
      resolveFuture(trailers, trailersOf(found))
    })
    const body = { contents: source.channel, trailers, sent: makeFuture() }
    const response = new HttpResponse3(new Fields(head.fields, false), body)
    response.status = head.status
    return response
  }
}

/** `found`: as of `HttpExchange.trailers`; undefined: the guest has read no more of the body. */
function trailersOf(found: ReturnType<HttpExchange['trailers']>): Case {
  if (found === undefined) return err(caseOf('HTTP-response-incomplete'))
  if ('tag' in found) return err(found)
  return ok(found.length === 0 ? NONE : some(new Fields(found, false)))
}
