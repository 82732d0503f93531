/** One HTTP request and its answer: JSON, or a JSON object a line; refusals arrive even when a body is still on its way. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../base/clock.ts'
import type { WireError } from '../base/errors.ts'
import type { Answer } from './endpoint.ts'
import { EventStream, printEvent } from './event-stream.ts'
import type { AdminLimits } from './limits.ts'
import { readBody } from './read-body.ts'

export interface JsonExchangeOptions {
  readonly clock: Clock
  readonly limits: AdminLimits
  /** Whether the client waits with its body until it is told to go on (`Expect: 100-continue`). */
  readonly awaitsContinue: boolean
  /** Aborts when the server ends. */
  readonly ending: AbortSignal
}

const LINES_TYPE = 'application/x-ndjson'
const EVENTS_TYPE = 'text/event-stream'

export class JsonExchange {
  readonly request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: JsonExchangeOptions
  #mayGoOn: boolean
  #hasLines = false
  #events: EventStream | undefined

  constructor(request: IncomingMessage, response: ServerResponse, options: JsonExchangeOptions) {
    this.request = request
    this.#response = response
    this.#options = options
    this.#mayGoOn = !options.awaitsContinue
    response.setHeader('cache-control', 'no-store')
    response.setHeader('x-content-type-options', 'nosniff')
    // A client that is gone: what is under way is done for the record.
    response.on('error', () => undefined)
  }

  /** Path and query, apart. */
  get target(): { readonly path: string; readonly query: string } {
    const url = this.request.url ?? '/'
    const at = url.indexOf('?')
    return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) }
  }

  /** Media type of the body, without parameters, in lower case; empty: none. */
  get mediaType(): string {
    const [type = ''] = (this.request.headers['content-type'] ?? '').split(';')
    return type.trim().toLowerCase()
  }

  /** Lines are what is sent to clients that do not ask for JSON alone. */
  get wantsLines(): boolean {
    const accept = (this.request.headers.accept ?? '').toLowerCase()
    return accept.includes(LINES_TYPE) || !accept.includes('application/json')
  }

  /** Events are sent to clients that ask for them. */
  get wantsEvents(): boolean {
    return (this.request.headers.accept ?? '').toLowerCase().includes(EVENTS_TYPE)
  }

  /** Throws what `readBody` throws. */
  body(maxBytes: number): AsyncIterable<Uint8Array> {
    const { clock, limits } = this.#options
    return readBody(this.request, {
      clock,
      maxBytes,
      idleMs: limits.bodyIdleMs,
      onStart: () => this.#goOn(),
    })
  }

  setHeader(name: string, value: string): void {
    if (!this.#response.headersSent) this.#response.setHeader(name, value)
  }

  line(value: object): void {
    if (!this.#hasLines) {
      this.#hasLines = true
      this.#response.writeHead(200, { 'content-type': LINES_TYPE })
    }
    this.#response.write(`${JSON.stringify(value)}\n`)
  }

  events(): EventStream {
    const { clock, limits, ending } = this.#options
    this.#events ??= new EventStream(this.#response, {
      clock,
      ending,
      stallMs: limits.logStallMs,
    })
    return this.#events
  }

  /** The answer; where lines or events have gone before, the last of them. */
  async send({ status, value }: Answer): Promise<void> {
    const text = `${JSON.stringify(value)}\n`
    const sent = new Promise<void>((resolve) => {
      for (const event of ['finish', 'close']) this.#response.once(event, () => resolve())
    })
    if (this.#response.closed) return
    if (this.#events !== undefined) this.#response.end(lastEvent(value))
    else if (this.#hasLines) this.#response.end(text)
    else await this.#sendWhole(status, text)
    // What has been handed to the system arrives, even when this process ends.
    await sent
  }

  async fail(status: number, error: WireError): Promise<void> {
    const value = this.#hasLines ? { event: 'failed', error } : { error }
    await this.send({ status, value })
  }

  #goOn(): void {
    if (this.#mayGoOn) return
    this.#mayGoOn = true
    this.#response.writeContinue()
  }

  async #sendWhole(status: number, text: string): Promise<void> {
    const isOnItsWay = !this.request.complete
    this.#response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(isOnItsWay ? { connection: 'close' } : {}),
    })
    if (!isOnItsWay || !this.#mayGoOn) {
      this.#response.end(text)
      return
    }
    // Closed with bytes unread, the connection would be reset, and the client might never see why.
    this.#response.write(text)
    await this.#discard()
    this.#response.end()
  }

  #discard(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.after(this.#options.limits.lingerMs, resolve)
    this.request.removeAllListeners('readable')
    for (const event of ['end', 'error', 'close']) this.request.once(event, () => resolve())
    this.request.resume()
    return promise.finally(() => timer.cancel())
  }
}

function lastEvent(value: object): string {
  return printEvent({ name: Object.hasOwn(value, 'error') ? 'failed' : 'end', value })
}
