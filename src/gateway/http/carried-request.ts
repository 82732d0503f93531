/**
 * One HTTP request carried over FastCGI: body there, answer back, both as streams with back-pressure.
 *
 *     client -> IncomingMessage -> FCGI_STDIN ... FCGI_STDOUT -> ServerResponse -> client
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { NOTHING_YET } from '../../base/byte-stream.ts'
import type { Logger } from '../../base/logger.ts'
import type { ClientRequest } from '../../fastcgi/client-request.ts'
import type { FastCgiError } from '../../fastcgi/errors.ts'
import { HeadReader, type ResponseHead } from './head-reader.ts'

const READ_BYTES = 65_536

const BAD_GATEWAY = '502 Bad Gateway\n'

export interface CarriedRequestOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly backend: ClientRequest
  readonly logger: Logger
  /** Called once, when the FastCGI request has ended. */
  readonly onEnd: () => void
}

/** Carries the request over. Everything that goes wrong is dealt with here. */
export class CarriedRequest {
  readonly #options: CarriedRequestOptions
  readonly #headReader = new HeadReader()
  #head: ResponseHead | undefined
  #bodyBytes = 0
  /** The client has gone, or was answered by ourselves: what the application still says is thrown away. */
  #isDiscarding = false
  #hasStdoutEnded = false
  #end: { readonly error: FastCgiError | undefined } | undefined

  constructor(options: CarriedRequestOptions) {
    this.#options = options
  }

  start(): void {
    const { request, response, backend, onEnd } = this.#options
    request.on('data', this.#sendBody)
    request.on('end', () => backend.stdin.end())
    // Broken off uploads and lost clients both show on the response.
    request.on('error', () => {})
    response.on('error', () => {})
    response.on('close', () => {
      if (response.writableFinished) return
      this.#isDiscarding = true
      backend.abort()
      // It may have waited for this client.
      this.#receive()
    })
    backend.onEnd((_protocolStatus, _appStatus, error) => {
      this.#end = { error }
      this.#finish()
      onEnd()
    })
    this.#receive()
    this.#logStderr()
  }

  readonly #sendBody = (chunk: Uint8Array): void => {
    const { request, backend } = this.#options
    const taken = backend.stdin.write(chunk)
    if (taken === chunk.length) {
      request.resume()
      return
    }
    request.pause()
    backend.stdin.onWritable(() => this.#sendBody(chunk.subarray(taken)))
  }

  readonly #receive = (): void => {
    const { response, backend } = this.#options
    while (!this.#hasStdoutEnded) {
      const bytes = backend.stdout.read(READ_BYTES)
      if (bytes === undefined) {
        this.#hasStdoutEnded = true
        this.#finish()
      } else if (bytes === NOTHING_YET) {
        backend.stdout.onReadable(this.#receive)
        return
      } else if (!this.#sendOn(bytes) && !response.destroyed) {
        response.once('drain', this.#receive)
        return
      }
    }
  }

  /** Answers whether the client takes more. */
  #sendOn(bytes: Uint8Array): boolean {
    if (this.#isDiscarding) return true
    if (this.#head !== undefined) return this.#sendPart(bytes)
    try {
      const parsed = this.#headReader.push(bytes)
      if (parsed === undefined) return true
      this.#head = parsed.head
      const { status, reason, rawHeaders } = parsed.head
      this.#options.response.writeHead(status, reason, [...rawHeaders])
      // Written with the first bytes of the body if there are any by now.
      if (parsed.rest.length === 0) this.#options.response.flushHeaders()
      return parsed.rest.length === 0 || this.#sendPart(parsed.rest)
    } catch (error) {
      this.#refuse(error)
      return true
    }
  }

  #sendPart(bytes: Uint8Array): boolean {
    const { response } = this.#options
    const allowed = (this.#head?.contentLength ?? Number.POSITIVE_INFINITY) - this.#bodyBytes
    const part = bytes.length > allowed ? bytes.subarray(0, allowed) : bytes
    this.#bodyBytes += part.length
    return this.#hasNoBody() || part.length === 0 || response.write(part)
  }

  /** STDOUT's end alone is not enough: it also ends when the connection does. */
  #finish(): void {
    const { response } = this.#options
    if (this.#end === undefined || !this.#hasStdoutEnded || this.#isDiscarding) return
    if (this.#head === undefined) {
      this.#refuse(this.#end.error)
    } else if (this.#end.error !== undefined || this.#isShort()) {
      this.#options.logger.warn(
        { code: this.#end.error?.code },
        'response broken off by the application',
      )
      // Not `end()`: a truncated body must not look like a whole one.
      response.destroy()
    } else {
      response.end()
    }
  }

  #isShort(): boolean {
    return !this.#hasNoBody() && this.#bodyBytes < (this.#head?.contentLength ?? 0)
  }

  #hasNoBody(): boolean {
    const status = this.#head?.status
    return this.#options.request.method === 'HEAD' || status === 204 || status === 304
  }

  /** There is no answer that could be passed on. */
  #refuse(error: unknown): void {
    const { response, backend, logger } = this.#options
    this.#isDiscarding = true
    logger.warn({ err: error }, 'no usable response from the application')
    backend.abort()
    if (response.headersSent) {
      response.destroy()
      return
    }
    response.writeHead(502, { 'Content-Type': 'text/plain', 'Content-Length': BAD_GATEWAY.length })
    response.end(BAD_GATEWAY)
  }

  /** Our own server has logged it already; reading keeps the connection from filling up. */
  readonly #logStderr = (): void => {
    const { backend, logger } = this.#options
    for (;;) {
      const bytes = backend.stderr.read(READ_BYTES)
      if (bytes === undefined) return
      if (bytes === NOTHING_YET) {
        backend.stderr.onReadable(this.#logStderr)
        return
      }
      logger.debug({ stderr: Buffer.from(bytes).toString('latin1') }, 'application stderr')
    }
  }
}
