/**
 * wasi:http's answer of 0.3: what `handle` answers goes to standard output as a CGI response, and its body behind it as the guest writes
 * it. When that and the trailers have come, the client has all of it, and the guest goes on within its limits.
 *
 *     nothing ──> the body ──> the trailers ──> written out ──> over
 */
import { fault } from '../guest-fault.ts'
import { type Case, caseOf, err, OK, some } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { OutputStream } from './guest-output.ts'
import { resolveFuture, takeFuture } from './host-future.ts'
import { linesOf } from './http-fields.ts'
import type { HttpResponse3, OwnBody } from './http-messages-3.ts'
import type { IoError } from './io-error.ts'
import type { Wish } from './preview1-calls.ts'
import { StreamSink } from './stream-sink.ts'

const STDOUT = 1
const FAILED_STATUS = 500

export class HttpAnswer {
  readonly #host: ComponentHost
  readonly #output: OutputStream
  #declared: string | undefined
  #sent: OwnBody['sent'] | undefined
  #hasEnded = false
  #problem: string | undefined

  constructor(host: ComponentHost) {
    this.#host = host
    this.#output = new OutputStream(host.calls, { fd: STDOUT }, true)
  }

  /** `answer`: what the guest has answered. */
  begin(answer: Case): void {
    const response = answer.tag === 'ok' ? (answer.value as HttpResponse3) : undefined
    const status = response?.status ?? FAILED_STATUS
    const entries = response?.fields.entries ?? []
    const lines = `Status: ${status}\r\n${linesOf(entries)}\r\n`
    this.#output.release(Buffer.from(lines, 'latin1'))
    this.#host.work.add(this)
    const { body } = response ?? {}
    const [declared] = response?.fields.named('content-length') ?? []
    if (declared !== undefined) this.#declared = Buffer.from(declared).toString('latin1')
    this.#sent = body?.sent
    if (body === undefined) this.#end(undefined)
    else if (body.contents === undefined) this.#awaitTrailers(body, undefined)
    else
      this.#host.work.add(
        new StreamSink(body.contents, this.#output, (problem) =>
          this.#awaitTrailers(body, problem),
        ),
      )
  }

  step(): 'idle' | 'over' {
    void this.#output.pump(false)
    if (!this.#hasEnded || this.#output.isBehind) return 'idle'
    if (this.#problem === undefined) this.#host.calls.callNow('finish_request', 0)
    return 'over'
  }

  wishes(): readonly Wish[] {
    return this.#output.wishes() ?? []
  }

  /** The guest has ended: what is left goes out. Throws where the guest has not brought all. */
  async finish(): Promise<void> {
    await this.#host.work.until(() => this.#hasEnded && !this.#output.isBehind)
    if (this.#problem !== undefined) throw fault(this.#problem)
  }

  #awaitTrailers({ trailers }: OwnBody, problem: IoError | undefined): void {
    // Nobody is there to read it.
    if (problem !== undefined) {
      trailers.drop()
      this.#end(undefined, caseOf('connection-terminated'))
      return
    }
    const { taken } = this.#output
    if (this.#declared !== undefined && this.#declared !== String(taken)) {
      trailers.drop()
      const size = caseOf('HTTP-response-body-size', some(BigInt(taken)))
      this.#end(
        `the body of its answer has ${taken} bytes, and ${this.#declared} were declared`,
        size,
      )
      return
    }
    takeFuture(trailers, (value) => {
      const { tag } = value as Case
      this.#end(tag === 'ok' ? undefined : 'the body of its answer ended with an error')
    })
  }

  #end(problem: string | undefined, code?: Case): void {
    this.#hasEnded = true
    this.#problem = problem
    if (this.#sent !== undefined) resolveFuture(this.#sent, code === undefined ? OK : err(code))
    this.#sent = undefined
  }
}
