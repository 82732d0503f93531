/**
 * HTTP requests, one at a time, over connections of our own: what is sent and read is streamed, silence has a limit, and
 * nothing is left open. Redirects, authentication and retries are for others.
 */

import {
  Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock, Timer } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { OciError, ociLimitError } from './errors.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody | undefined
}

export interface RequestBody {
  readonly bytes: number
  /** The bytes from the beginning; called for each try. */
  open(): AsyncIterable<Uint8Array>
}

/** The beginning of an answer. One of `bytes`, `chunks` and `finish` must be called, once. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly url: URL
  /** The whole body. Rejects with OCI_LIMIT_EXCEEDED when there is more of it. */
  bytes(limit: 'manifestBytes' | 'tokenBytes' | 'errorBytes', maxBytes: number): Promise<Buffer>
  /** The body as it comes. Whoever stops early ends the connection. */
  chunks(): AsyncGenerator<Uint8Array>
  /** Takes no interest in the body: reads a little of it, so that the connection can be used again. */
  finish(): Promise<void>
}

export interface ConnectionOptions {
  readonly clock: Clock
  readonly idleMs: number
  /** Ends what is going on; its reason, an `OciError`, is what requests reject with. */
  readonly signal: AbortSignal
}

/** How much of a body nobody wants is read. */
const UNWANTED_BYTES = 16 * 1024

export class Connections {
  readonly #options: ConnectionOptions
  readonly #plain = new Agent({ keepAlive: true, maxSockets: 2 })
  readonly #encrypted = new HttpsAgent({ keepAlive: true, maxSockets: 2 })

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Rejects with OCI_UNREACHABLE, OCI_TIMEOUT, the signal's reason, or what `body` throws. */
  async send({ method, url, headers, body }: HttpRequest): Promise<Answer> {
    this.#options.signal.throwIfAborted()
    const length =
      body === undefined && method !== 'POST' ? {} : { 'content-length': body?.bytes ?? 0 }
    const isPlain = url.protocol === 'http:'
    const request = (isPlain ? httpRequest : httpsRequest)(url, {
      method,
      agent: isPlain ? this.#plain : this.#encrypted,
      headers: { ...headers, ...length },
    })
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const watch = new Watch(this.#options, (failure) => request.destroy(failure))
    request.on('response', resolve)
    request.on('error', (cause) => {
      watch.stop()
      reject(watch.failure ?? unreachable(url, cause))
    })
    if (body === undefined) request.end()
    // A failure is the request's as well, which tells of it.
    else pipeline(Readable.from(watched(body, watch)), request).catch(() => undefined)
    return new IncomingAnswer(url, await promise, watch)
  }

  /** Ends all connections. Idempotent. */
  close(): void {
    this.#plain.destroy()
    this.#encrypted.destroy()
  }
}

async function* watched(body: RequestBody, watch: Watch): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body.open()) {
      watch.touch()
      yield chunk
    }
  } catch (cause) {
    if (cause instanceof OciError) watch.failure ??= cause
    throw cause
  }
}

/** Ends an exchange when nothing has moved for too long, or when all is to end. */
class Watch {
  readonly #options: ConnectionOptions
  readonly #end: (failure: OciError) => void
  #timer: Timer
  #isStopped = false
  /** Why the exchange ended before its time. */
  failure: OciError | undefined

  constructor(options: ConnectionOptions, end: (failure: OciError) => void) {
    this.#options = options
    this.#end = end
    this.#timer = this.#start()
    options.signal.addEventListener('abort', this.#abort)
  }

  touch(): void {
    this.#timer.cancel()
    if (!this.#isStopped) this.#timer = this.#start()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer.cancel()
    this.#options.signal.removeEventListener('abort', this.#abort)
  }

  #start(): Timer {
    const { clock, idleMs } = this.#options
    return clock.after(idleMs, () =>
      this.#fail(
        new OciError(
          'OCI_TIMEOUT',
          `Cannot go on with the registry: nothing moved for ${idleMs} ms, wanted bytes`,
          { details: { limit: 'idleMs' } },
        ),
      ),
    )
  }

  readonly #abort = (): void => {
    const { reason } = this.#options.signal
    this.#fail(reason instanceof OciError ? reason : stopped(reason))
  }

  #fail(failure: OciError): void {
    this.failure ??= failure
    this.stop()
    this.#end(failure)
  }
}

class IncomingAnswer implements Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly url: URL
  readonly #message: IncomingMessage
  readonly #watch: Watch

  constructor(url: URL, message: IncomingMessage, watch: Watch) {
    this.url = url
    this.status = message.statusCode ?? 0
    this.headers = message.headers
    this.#message = message
    this.#watch = watch
    watch.touch()
  }

  async bytes(limit: string, maxBytes: number): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of this.chunks()) {
      bytes += chunk.length
      if (bytes > maxBytes) {
        const what = `read the answer of ${this.url.host}`
        throw ociLimitError(what, { limit, actual: bytes, wanted: maxBytes })
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#message as AsyncIterable<Uint8Array>) {
        this.#watch.touch()
        yield chunk
      }
    } catch (cause) {
      throw this.#watch.failure ?? unreachable(this.url, cause)
    } finally {
      this.#watch.stop()
    }
  }

  async finish(): Promise<void> {
    let bytes = 0
    try {
      for await (const chunk of this.chunks()) {
        bytes += chunk.length
        if (bytes > UNWANTED_BYTES) return
      }
    } catch {
      // The status has come; a body that breaks off changes nothing. Whether all is to end is asked before the next request.
    }
  }
}

function unreachable({ host }: URL, cause: unknown): OciError {
  if (cause instanceof OciError) return cause
  const systemCode = systemCodeOf(cause)
  return new OciError(
    'OCI_UNREACHABLE',
    `Cannot talk to ${host}: ${systemCode}, wanted an answer to the end`,
    { cause, details: { systemCode } },
  )
}

function stopped(cause: unknown): OciError {
  return new OciError('OCI_TIMEOUT', 'Cannot go on with the registry: stopped, wanted the end', {
    cause,
  })
}
