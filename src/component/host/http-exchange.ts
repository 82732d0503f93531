/**
 * A request that a guest sends, and the answer to it, over a connection of its own:
 *
 *     opening ──> sending, and waiting for the head ──> the body, as the guest takes it ──> closed
 *        └───────────────┴── fails: with a code of wasi:http ────────────┴────────────────> closed
 *
 * Nothing waits in here but what the guest waits for: the connection takes and gives no more than the guest asks for.
 */
import { Errno } from '../../wasi/errno.ts'
import { type Case, caseOf, err, NONE, ok, some } from '../value.ts'
import { monotonicNow } from './clock-functions.ts'
import type { ComponentHost } from './component-host.ts'
import { CLOSED, type OutputStream } from './guest-output.ts'
import { type AnswerHead, AnswerReader } from './http-answer-reader.ts'
import type { FieldEntry } from './http-fields.ts'
import { IoError } from './io-error.ts'
import { after, MOVED_BYTES, type Wish } from './preview1-calls.ts'

/** How long it may take, in nanoseconds; undefined: as long as the tenant's limits say. */
export interface ExchangeTimes {
  readonly connect: bigint | undefined
  readonly firstByte: bigint | undefined
  readonly betweenBytes: bigint | undefined
}

const NOTHING = new Uint8Array(0)
/** What it takes to read a byte of an answer's head. */
const HEAD_BYTE_WORK = 20

export class HttpExchange {
  readonly #host: ComponentHost
  readonly #fd: number
  readonly #request: OutputStream
  readonly #reader: AnswerReader
  readonly #times: ExchangeTimes
  #deadlineNs: bigint | undefined
  #isOpening = true
  #isClosed = false
  #failure: Case | undefined
  /** Of the body: taken out of the connection, and not by the guest yet. */
  #kept: Uint8Array = NOTHING

  /** `fd`: a connection that is being opened. `request`: what is written to it. */
  constructor(
    host: ComponentHost,
    connection: { readonly fd: number; readonly request: OutputStream; readonly isHead: boolean },
    times: ExchangeTimes,
  ) {
    this.#host = host
    this.#fd = connection.fd
    this.#request = connection.request
    this.#reader = new AnswerReader(connection.isHead)
    this.#times = times
    this.#expect(times.connect)
    host.calls.keep(MOVED_BYTES)
  }

  /** Of its answer, or why there is none; undefined: not yet. */
  outcome(): AnswerHead | Case | undefined {
    while (this.#reader.head === undefined && this.#step());
    return this.#reader.head ?? this.#failure
  }

  /** What must come before there is an outcome; undefined: there is one. */
  readonly wishes = (): readonly Wish[] | undefined =>
    this.outcome() === undefined && !this.#isClosed ? this.#all() : undefined

  /** `ok` of bytes of the body; or why not. */
  read(most: bigint, waits: boolean): Case | Promise<Case> {
    const count = Number(most < BigInt(MOVED_BYTES) ? most : MOVED_BYTES)
    this.#fill()
    const bytes = this.#kept.subarray(0, count)
    this.#kept = this.#kept.subarray(bytes.length)
    if (bytes.length > 0) return ok(Uint8Array.from(bytes))
    if (this.#failure !== undefined) return this.#failed(this.#failure)
    if (this.#isClosed) return CLOSED
    if (!waits || count === 0) return ok(new Uint8Array(0))
    return after(this.#host.calls.poll(this.#all(), true), () => this.read(most, waits))
  }

  /** What must come before more of the body can be read; undefined: nothing. */
  readonly bodyWishes = (): readonly Wish[] | undefined => {
    this.#fill()
    return this.#isClosed || this.#kept.length > 0 ? undefined : this.#all()
  }

  /** Passes over what is left of the body: what comes behind it, or why nothing does; undefined: not yet. */
  trailers(): readonly FieldEntry[] | Case | undefined {
    do {
      this.#kept = NOTHING
      this.#fill()
    } while (this.#kept.length > 0)
    return this.#isClosed ? (this.#failure ?? this.#reader.trailers) : undefined
  }

  /** What must come before that is known. */
  readonly trailerWishes = (): readonly Wish[] | undefined =>
    this.trailers() === undefined ? this.#all() : undefined

  /** The guest wants no more of it. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#request.fail(Errno.PIPE)
    this.#host.calls.keep(-MOVED_BYTES)
    this.#host.calls.callNow('fd_close', this.#fd)
  }

  /** It ends without an answer, or before its body has. */
  fail(code: Case): void {
    if (this.#isClosed) return
    this.#failure = code
    this.close()
  }

  /** Takes more of the body, if there is some and none is kept. */
  #fill(): void {
    while (this.#kept.length === 0 && !this.#isClosed) {
      this.#kept = this.#reader.take(MOVED_BYTES)
      if (this.#reader.problem !== undefined) this.fail(this.#reader.problem)
      else if (this.#reader.isOver) this.close()
      else if (this.#kept.length === 0 && !this.#step()) return
    }
  }

  #all(): readonly Wish[] {
    const fd = this.#fd
    const wishes: Wish[] = [{ kind: 'read', fd }]
    if (this.#request.isBehind) wishes.push({ kind: 'write', fd })
    if (this.#deadlineNs !== undefined) wishes.push({ kind: 'clock', deadlineNs: this.#deadlineNs })
    return wishes
  }

  /** Goes on as far as it can without waiting. Answers whether something has come. */
  #step(): boolean {
    if (this.#isClosed) return false
    void this.#request.pump(false)
    if (this.#request.isTooLong) this.fail(caseOf('HTTP-request-body-size', NONE))
    if (this.#isClosed) return false
    if (this.#isOpening && this.#request.hasWritten) {
      this.#isOpening = false
      this.#expect(this.#times.firstByte)
    }
    const bytes = this.#host.calls.read(this.#fd, MOVED_BYTES, false)
    if (bytes instanceof Promise) throw new Error('Cannot read: it waits, wanted not to')
    if (typeof bytes === 'number') this.fail(this.#codeOf(bytes))
    else if (bytes === undefined) this.#reader.end()
    else if (bytes.length > 0) {
      if (this.#reader.head === undefined) this.#host.charge(bytes.length * HEAD_BYTE_WORK)
      this.#reader.feed(bytes)
      this.#expect(this.#times.betweenBytes)
    } else return this.#isLate()
    if (this.#reader.problem !== undefined) this.fail(this.#reader.problem)
    if (this.#reader.head !== undefined && this.#reader.isOver) this.close()
    return true
  }

  /** Always false: nothing has come. */
  #isLate(): false {
    if (this.#deadlineNs === undefined || monotonicNow(this.#host) < this.#deadlineNs) return false
    this.fail(caseOf(this.#isOpening ? 'connection-timeout' : 'HTTP-response-timeout'))
    return false
  }

  #expect(timeNs: bigint | undefined): void {
    this.#deadlineNs = timeNs === undefined ? undefined : monotonicNow(this.#host) + timeNs
  }

  #failed(code: Case): Case {
    return err(caseOf('last-operation-failed', new IoError(Errno.IO, code)))
  }

  #codeOf(errno: number): Case {
    if (this.#isOpening) return refusalOf(errno)
    if (errno === Errno.TIMEDOUT) return caseOf('connection-read-timeout')
    return errno === Errno.DQUOT
      ? caseOf('HTTP-response-body-size', NONE)
      : caseOf('connection-terminated')
  }
}

/** Why a connection was not opened, as wasi:http has it. */
export function refusalOf(errno: number): Case {
  switch (errno) {
    case Errno.ACCES:
      return caseOf('destination-IP-prohibited')
    case Errno.NOENT:
      return caseOf('DNS-error', [NONE, NONE])
    case Errno.CONNREFUSED:
      return caseOf('connection-refused')
    case Errno.HOSTUNREACH:
    case Errno.NETUNREACH:
      return caseOf('destination-IP-unroutable')
    case Errno.PROTO:
      return caseOf('TLS-certificate-error')
    case Errno.TIMEDOUT:
      return caseOf('connection-timeout')
    case Errno.MFILE:
    case Errno.AGAIN:
      return caseOf('connection-limit-reached')
    case Errno.CONNRESET:
      return caseOf('connection-terminated')
    default:
      return caseOf('internal-error', some('it cannot be connected to'))
  }
}
