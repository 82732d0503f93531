/**
 * What a guest prints on its standard output goes in, a CGI response fit for any web server comes out
 * (RFC 3875, section 6).
 *
 *     head ──blank line──> held ──enough bytes, flush, finish──> open ──finish──> finished
 *       └────── error ──────┴─────> fail(): a clean error page      └─ error ──> the caller breaks off
 *
 * The first part of the body is held back, so that a guest that crashes early still becomes a clean error, and a
 * short response gets its Content-Length. The caller owns the order of things: it kills the guest when `error` is set,
 * calls `flush` when the guest waits, and `finish` or `fail` once.
 */
import type { ByteSink } from '../base/byte-stream.ts'
import { HeldBytes } from '../base/held-bytes.ts'
import { type ErrorPageOptions, errorPage } from './error-page.ts'
import { CgiError } from './errors.ts'
import { printHead } from './print-head.ts'
import { type CgiRole, type ResponseHead, readHead } from './response-head.ts'

export interface ResponseLimits {
  /** Most bytes of header block, interim (1xx) blocks included. */
  readonly headerBytes: number
  /** Most header lines. */
  readonly headerCount: number
  /** Most bytes of body. */
  readonly bodyBytes: number
  /** A body up to this size is sent only when the guest has ended or waits. */
  readonly heldBackBytes: number
}

export const DEFAULT_RESPONSE_LIMITS: ResponseLimits = {
  headerBytes: 16 * 1024,
  headerCount: 100,
  bodyBytes: 64 * 1024 * 1024,
  heldBackBytes: 32 * 1024,
}

export interface ResponseOptions {
  /** Of the request. */
  readonly method: string
  readonly role: CgiRole
  readonly limits: ResponseLimits
  /** Lower-case names of X-Accel-*, X-Sendfile and the like that this tenant may send. */
  readonly allowedHeaders: ReadonlySet<string>
  /** Visible ASCII without blanks; sent as X-Request-Id. */
  readonly requestId: string
}

export type FinishResult =
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly error: CgiError }

type Phase = 'head' | 'held' | 'open' | 'finished'

const NO_HEAD: ResponseHead = {
  status: 200,
  reason: 'OK',
  fields: '',
  top: '',
  contentLength: undefined,
  hasContentType: false,
  hasLocation: false,
}

/** Statuses whose responses have no content, whatever the guest prints (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

const NO_BYTES = new Uint8Array(0)
const LINE_FEED = 10
const CARRIAGE_RETURN = 13

export class CgiResponseStream implements ByteSink {
  readonly #output: ByteSink
  readonly #options: ResponseOptions
  #phase: Phase = 'head'
  #isEnded = false
  #headSent = false
  #error: CgiError | undefined
  #head: ResponseHead | undefined
  /** First the header block, then the body's first part. */
  readonly #held = new HeldBytes()
  #scanned = 0
  #lineStart = 0
  #blockStart = 0
  #bodyBytes = 0
  #droppedBytes = 0
  /** Printed, but not taken by the output yet. */
  #pending: Uint8Array | undefined
  #wake: (() => void) | undefined
  #headTaken: (() => void) | undefined

  constructor(output: ByteSink, options: ResponseOptions) {
    this.#output = output
    this.#options = options
  }

  /** Whether the header has gone out: a failure can no longer become an error page. */
  get headSent(): boolean {
    return this.#headSent
  }

  /** Registers what to do once, when the output has taken the header, or the page in its place. */
  onHeadTaken(call: () => void): void {
    if (this.#headSent && this.#pending === undefined) call()
    else this.#headTaken = call
  }

  /** Status of the response, as soon as it is known. */
  get status(): number | undefined {
    return this.#head?.status
  }

  /** A field of the guest's header, as it is sent on; the first, if there are several. */
  field(lowerCaseName: string): string | undefined {
    const line = this.#head?.fields
      .split('\r\n')
      .find((one) => one.slice(0, one.indexOf(':')).toLowerCase() === lowerCaseName)
    return line?.slice(line.indexOf(':') + 2)
  }

  /** Body bytes that are part of the response (an error page's do not count). */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  /** Body bytes the guest printed that no response may have: after HEAD, 204, 205, 304 or beyond its Content-Length. */
  get droppedBytes(): number {
    return this.#droppedBytes
  }

  /** Set as soon as the response is malformed or over a limit: stop the guest, then call `fail`. */
  get error(): CgiError | undefined {
    return this.#error
  }

  /** Whether the output has taken everything. If not after `finish` or `fail`, `onWritable` tells when. */
  get isDrained(): boolean {
    return this.#pending === undefined
  }

  write(bytes: Uint8Array): number {
    if (this.#phase === 'finished' || this.#isEnded || this.#error !== undefined)
      return bytes.length
    let at = 0
    while (this.#phase === 'head' && at < bytes.length) {
      at = this.#takeHead(bytes, at)
      if (this.#error !== undefined) return bytes.length
    }
    return at < bytes.length ? this.#takeBody(bytes, at) : at
  }

  onWritable(wake: () => void): void {
    if (this.#pending !== undefined) this.#wake = wake
    else if (this.#phase === 'open' && this.#error === undefined) this.#output.onWritable(wake)
    else wake()
  }

  /** The guest's last byte; `finish` completes the response. */
  end(): void {
    this.#isEnded = true
  }

  /** Sends what is held back. Does nothing before the header is complete. */
  flush(): void {
    if (this.#phase === 'held' && this.#error === undefined) this.#release(undefined)
  }

  /** The guest has ended well: completes the response and ends the output, or says what is missing. Idempotent. */
  finish(): FinishResult {
    if (this.#error === undefined && this.#phase !== 'finished') this.#complete()
    return this.#error === undefined ? { kind: 'complete' } : { kind: 'failed', error: this.#error }
  }

  /**
   * The guest has failed. True: an error page went out in place of the response, and the output is ended. False: the
   * header, or all of it, has been sent; the caller breaks the answer off.
   */
  fail(status: number, options: Pick<ErrorPageOptions, 'retryAfterS' | 'allow'> = {}): boolean {
    if (this.#headSent || this.#phase === 'finished') return false
    const { requestId, method } = this.#options
    this.#head = { ...NO_HEAD, status, hasContentType: true }
    this.#bodyBytes = 0
    this.#send(errorPage(status, { requestId, method, ...options }), NO_BYTES)
    this.#close()
    return true
  }

  /** Looks for the blank line; answers the offset behind what it took. */
  #takeHead(bytes: Uint8Array, at: number): number {
    const limit = this.#options.limits.headerBytes
    const held = this.#held
    const before = held.length
    held.append(bytes, at, Math.min(bytes.length, at + limit - before))
    const length = held.length
    for (let index = this.#scanned; index < length; index += 1) {
      if (held.byteAt(index) !== LINE_FEED) continue
      const lineBytes = index - this.#lineStart
      const lineStart = this.#lineStart
      this.#lineStart = index + 1
      if (lineBytes > 1 || (lineBytes === 1 && held.byteAt(lineStart) !== CARRIAGE_RETURN)) continue
      this.#scanned = index + 1
      held.truncate(index + 1)
      this.#endBlock(lineStart)
      return at + index + 1 - before
    }
    this.#scanned = length
    if (length >= limit) this.#error = this.#unfinishedHead(headerTooLarge(limit))
    return at + length - before
  }

  #endBlock(end: number): void {
    const head = this.#parse(this.#blockStart, end)
    this.#blockStart = this.#lineStart
    // An interim response cannot get through FastCGI: web servers take it for the final one, or for body text.
    if (head === undefined || head.status < 200) return
    this.#head = head
    this.#phase = 'held'
    this.#held.truncate(0)
  }

  #parse(start: number, end: number): ResponseHead | undefined {
    try {
      return readHead(this.#held, start, end, this.#options)
    } catch (error) {
      if (!(error instanceof CgiError)) throw error
      this.#error = error
      return undefined
    }
  }

  /** Of a header that is also malformed, says that: it is the better news. */
  #unfinishedHead(otherwise: CgiError): CgiError {
    if (this.#lineStart > this.#blockStart) this.#parse(this.#blockStart, this.#lineStart)
    return this.#error ?? otherwise
  }

  #takeBody(bytes: Uint8Array, from: number): number {
    const room = this.#options.limits.bodyBytes - this.#bodyBytes - this.#droppedBytes
    const end = Math.min(bytes.length, from + room)
    const keepEnd = Math.min(end, from + this.#wanted())
    let at = from
    if (this.#phase === 'held') {
      const heldEnd = Math.min(keepEnd, at + this.#options.limits.heldBackBytes - this.#held.length)
      this.#held.append(bytes, at, heldEnd)
      this.#bodyBytes += heldEnd - at
      at = heldEnd
      if (at < keepEnd) this.#release(undefined)
    }
    while (at < keepEnd) {
      if (!this.#drain()) return at
      const taken = this.#output.write(
        at === 0 && keepEnd === bytes.length ? bytes : bytes.subarray(at, keepEnd),
      )
      if (taken === 0) return at
      this.#bodyBytes += taken
      at += taken
    }
    this.#droppedBytes += end - at
    if (end < bytes.length) this.#error = bodyTooLarge(this.#options.limits.bodyBytes)
    return bytes.length
  }

  /** How many more body bytes the response may have. */
  #wanted(): number {
    if (this.#isBodiless()) return 0
    const declared = this.#head?.contentLength
    return declared === undefined ? Number.POSITIVE_INFINITY : declared - this.#bodyBytes
  }

  #isBodiless(): boolean {
    const status = this.#head?.status
    return this.#options.method === 'HEAD' || (status !== undefined && BODILESS.has(status))
  }

  #complete(): void {
    if (this.#phase === 'head') {
      this.#error = this.#unfinishedHead(noHeader(this.#held.length))
      return
    }
    const missing = this.#wanted()
    if (missing > 0 && missing !== Number.POSITIVE_INFINITY) {
      this.#error = shortBody(this.#bodyBytes, this.#bodyBytes + missing)
      return
    }
    if (this.#phase === 'held') this.#release(this.#held.length)
    this.#close()
  }

  /** Sends the header, and what is held of the body right behind it. `total`: bytes of the whole body, where known. */
  #release(total: number | undefined): void {
    const head = this.#head ?? NO_HEAD
    const isBodiless = this.#isBodiless()
    const length = lengthField(head.status, head.contentLength ?? (isBodiless ? undefined : total))
    const printed = printHead(head, { length, isBodiless, requestId: this.#options.requestId })
    const body = this.#held.take()
    this.#phase = 'open'
    this.#send(printed, body)
  }

  /** `first` may be used again as soon as this is over. */
  #send(first: Uint8Array, second: Uint8Array): void {
    this.#headSent = true
    const taken = this.#output.write(first)
    if (taken < first.length) this.#pending = Buffer.concat([first.subarray(taken), second])
    else if (second.length > 0) this.#pending = second
    if (this.#drain()) this.#tellHeadTaken()
    else this.#awaitDrain()
  }

  #tellHeadTaken(): void {
    const call = this.#headTaken
    this.#headTaken = undefined
    call?.()
  }

  /** Whether everything printed so far has been taken. */
  #drain(): boolean {
    while (this.#pending !== undefined) {
      const taken = this.#output.write(this.#pending)
      if (taken === 0) return false
      this.#pending = taken === this.#pending.length ? undefined : this.#pending.subarray(taken)
    }
    return true
  }

  #awaitDrain(): void {
    this.#output.onWritable(() => {
      if (!this.#drain()) return this.#awaitDrain()
      this.#tellHeadTaken()
      if (this.#phase === 'finished') this.#output.end()
      const wake = this.#wake
      this.#wake = undefined
      wake?.()
    })
  }

  #close(): void {
    this.#phase = 'finished'
    if (this.#pending === undefined) this.#output.end()
  }
}

/** What Content-Length says of `length` bytes; undefined: there is none. A 204 has none, and a 205 says that nothing follows. */
function lengthField(status: number, length: number | undefined): number | undefined {
  if (status === 204) return undefined
  return status === 205 ? 0 : length
}

function headerTooLarge(limit: number): CgiError {
  return new CgiError(
    'CGI_HEADER_TOO_LARGE',
    `Cannot send a response: no end of header in ${limit} bytes, wanted it before`,
  )
}

function bodyTooLarge(limit: number): CgiError {
  return new CgiError(
    'CGI_BODY_TOO_LARGE',
    `Cannot send a response: a body of more than ${limit} bytes, wanted at most ${limit}`,
  )
}

function noHeader(bytes: number): CgiError {
  return new CgiError(
    'CGI_NO_HEADER',
    `Cannot send a response: ended after ${bytes} bytes of header, wanted a header and a blank line`,
  )
}

function shortBody(actual: number, wanted: number): CgiError {
  return new CgiError(
    'CGI_SHORT_BODY',
    `Cannot send a response: a body of ${actual} bytes, wanted ${wanted} as Content-Length says`,
  )
}
