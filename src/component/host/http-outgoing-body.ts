/** wasi:http's outgoing body: what is written to it is held back until its answer is set, or its request is sent. */
import { type Case, caseOf, HostResource, some } from '../value.ts'
import { OutputStream } from './guest-output.ts'
import { type Fields, linesOf } from './http-fields.ts'
import type { Preview1Calls } from './preview1-calls.ts'

export const STDOUT = 1

/** What says how long a body is, where it goes and what it is: known before it, or not at all (RFC 9110, section 6.5.1). */
export const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...['authorization', 'cache-control', 'content-encoding', 'content-length', 'content-range'],
  ...['content-type', 'cookie', 'expect', 'host', 'max-forwards', 'range', 'set-cookie'],
])

/** Of an answer, or of a request. */
export class OutgoingBody extends HostResource {
  readonly stream: OutputStream
  readonly fields: Fields
  readonly message: 'outgoing-request' | 'outgoing-response'
  isTaken = false
  isFinished = false
  /** Told when the guest gives it up before it is finished. */
  onCutShort: (() => void) | undefined

  constructor(calls: Preview1Calls, fields: Fields, message: OutgoingBody['message']) {
    super()
    this.stream = new OutputStream(calls, { fd: STDOUT }, true)
    this.fields = fields
    this.message = message
  }

  override drop(): void {
    this.onCutShort?.()
  }

  /** No more of it will come. Answers what is wrong with its trailers, of which an answer has none: FastCGI cannot carry them. */
  finish(trailers: Fields | undefined): Case | undefined {
    const given = this.message === 'outgoing-request' ? (trailers?.entries ?? []) : []
    const isChunked = this.fields.named('content-length').length === 0
    if (given.length > 0 && !(isChunked && given.every(([name]) => !NO_TRAILERS.has(name))))
      return caseOf('HTTP-protocol-error')
    this.isFinished = true
    this.onCutShort = undefined
    this.stream.end(Buffer.from(linesOf(given), 'latin1'))
    return undefined
  }

  /** Why it is not finished that is not complete. */
  get sizeCode(): Case {
    const name = this.message === 'outgoing-request' ? 'HTTP-request' : 'HTTP-response'
    return caseOf(`${name}-body-size`, some(BigInt(this.stream.taken)))
  }

  /** Where it says how long it is: whether that is true. */
  get isComplete(): boolean {
    const [declared] = this.fields.named('content-length')
    return (
      declared === undefined ||
      Buffer.from(declared).toString('latin1') === String(this.stream.taken)
    )
  }
}

/** What an answer and an outgoing request have in common. */
export class OutgoingMessage extends HostResource {
  readonly fields: Fields
  body: OutgoingBody | undefined

  constructor(fields: Fields) {
    super()
    this.fields = fields
  }
}
