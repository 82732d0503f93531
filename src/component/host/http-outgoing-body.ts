/** wasi:http's outgoing body: what is written to it is held back until its answer is set, or its request is sent. */
import { HostResource } from '../value.ts'
import { OutputStream } from './guest-output.ts'
import type { Fields } from './http-fields.ts'
import type { Preview1Calls } from './preview1-calls.ts'

export const STDOUT = 1

/** Of an answer, or of a request. */
export class OutgoingBody extends HostResource {
  readonly stream: OutputStream
  readonly fields: Fields
  /** What it is not to be of another length than it says. */
  readonly sizeCode: string
  isTaken = false
  isFinished = false
  /** Told when the guest gives it up before it is finished. */
  onCutShort: (() => void) | undefined

  constructor(calls: Preview1Calls, fields: Fields, sizeCode: string) {
    super()
    this.stream = new OutputStream(calls, { fd: STDOUT }, true)
    this.fields = fields
    this.sizeCode = sizeCode
  }

  override drop(): void {
    this.onCutShort?.()
  }

  /** No more of it will come. */
  finish(): void {
    this.isFinished = true
    this.onCutShort = undefined
    this.stream.end()
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
