/**
 * wasi:http's answer: what is set, and the body behind it, goes to standard output as a CGI response. When it is set and its body is finished, the
 * client has all of it, and the guest goes on within its limits.
 */
import { fault } from '../guest-fault.ts'
import { type Case, HostResource } from '../value.ts'
import { OutputStream } from './guest-output.ts'
import { Fields, linesOf } from './http-fields.ts'
import { type OutgoingBody, OutgoingMessage, STDOUT } from './http-outgoing-body.ts'
import { after, type Preview1Calls } from './preview1-calls.ts'

const FAILED_STATUS = 500

export class OutgoingResponse extends OutgoingMessage {
  status = 200
}

export class ResponseOutparam extends HostResource {}

/** The answer of one run. */
export class HttpResponse {
  readonly #calls: Preview1Calls
  #isSet = false
  #body: OutgoingBody | undefined
  #stream: OutputStream | undefined
  #isComplete = false

  constructor(calls: Preview1Calls) {
    this.#calls = calls
  }

  /** Waits where there is nothing more to come, and not all has gone out. */
  set(answer: Case): void | Promise<void> {
    if (this.#isSet) throw fault('a response-outparam was set twice')
    this.#isSet = true
    const response =
      answer.tag === 'ok' ? (answer.value as OutgoingResponse) : new OutgoingResponse(new Fields())
    if (answer.tag !== 'ok') response.status = FAILED_STATUS
    const lines = linesOf(response.fields.entries)
    const head = Buffer.from(`Status: ${response.status}\r\n${lines}\r\n`, 'latin1')
    this.#body = response.body
    const stream = response.body?.stream ?? new OutputStream(this.#calls, { fd: STDOUT }, true)
    this.#stream = stream
    stream.release(head)
    return this.#complete()
  }

  /** A body is finished, of this answer or of something else. As `set`. */
  bodyFinished(): void | Promise<void> {
    return this.#isSet ? this.#complete() : undefined
  }

  #complete(): void | Promise<void> {
    const isWhole = this.#body === undefined || this.#body.isFinished
    if (!isWhole || this.#isComplete || this.#stream === undefined) return undefined
    this.#isComplete = true
    return after(this.#stream.flush(true), ({ tag }) => {
      if (tag === 'ok') this.#calls.callNow('finish_request', 0)
    })
  }

  /** The guest has returned: the last bytes go out. */
  async finish(): Promise<void> {
    if (!this.#isSet) throw fault('it returned without an answer: response-outparam was not set')
    await this.#stream?.flush(true)
    if (this.#body !== undefined && !this.#body.isFinished)
      throw fault('it returned without finishing the body of its answer')
  }
}
