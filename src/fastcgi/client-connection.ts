/**
 * The client side of one FastCGI connection, what a web server has: requests and bytes in, answers and bytes out.
 *
 * A pure state machine like `ServerConnection`: the driver owns the socket and every timer.
 */
import { type ClientRequest, type ClientRequestOwner, PendingRequest } from './client-request.ts'
import { ProtocolStatus, RecordType, Role } from './constants.ts'
import { FastCgiError } from './errors.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import { byteAt, uint32At } from './header.ts'
import { OutputQueue, SHARED_RECORD_CONTENT } from './output-queue.ts'
import { encodeParams, type Pairs, readParams } from './params.ts'
import { badRecord } from './protocol-fault.ts'
import { type RecordHandler, RecordReader } from './record-reader.ts'
import { MAX_RECORD_CONTENT, RecordWriter } from './record-writer.ts'

/** All of it synchronously, from within a call into the connection or one of its requests. */
export interface ClientEvents {
  /** There is output. At most once until `takeOutput`. */
  onOutput(): void
  /** `wantsInput` went from false to true. */
  onInputWanted(): void
  /** The driver must close: the other side broke the protocol. Requests have ended with the same error. */
  onClose(error: FastCgiError): void
}

export interface ClientLimits {
  /** STDOUT and STDERR held while at most one request is active; then the connection is not read. */
  readonly inputBufferBytes: number
  /** The same while several requests share the connection. */
  readonly totalInputBytes: number
  /** Output held for one stream; then `write` answers 0. */
  readonly outputBufferBytes: number
}

export const DEFAULT_CLIENT_LIMITS: ClientLimits = {
  inputBufferBytes: 1024 * 1024,
  totalInputBytes: 16 * 1024 * 1024,
  outputBufferBytes: 128 * 1024,
}

export interface BeginOptions {
  /** Default Responder. */
  readonly role?: Role
  /** Whether the application is asked to leave the connection open. */
  readonly keepConnection: boolean
  readonly params: Pairs
}

/** The answer to FCGI_GET_VALUES; empty where the application knows none of the names, or no such record. */
export type ValuesCallback = (values: ReadonlyMap<string, string>) => void

const MAX_ID = 65_535
const END_BODY_BYTES = 8
const NAME_LIMITS = { paramsPairs: 65_535, paramNameBytes: 65_535 }

export class ClientConnection implements RecordHandler, ClientRequestOwner {
  readonly #events: ClientEvents
  readonly #limits: ClientLimits
  readonly #reader = new RecordReader(this)
  readonly #output = new OutputQueue()
  readonly #questions = {
    records: new RecordWriter(0),
    streamTypes: [RecordType.GetValues, RecordType.GetValues] as const,
    countedBytes: 0,
    contentWritten: () => {},
  }
  #pendingValues: ValuesCallback[] = []
  readonly #requests = new Map<number, PendingRequest>()
  readonly #content = new GatheredBytes()
  #type = 0
  #target: PendingRequest | undefined
  #lastId = 0
  #heldInput = 0
  #wantsInput = true
  #isOutputTold = false
  #closedBy: FastCgiError | undefined

  constructor(events: ClientEvents, limits: ClientLimits = DEFAULT_CLIENT_LIMITS) {
    this.#events = events
    this.#limits = limits
  }

  /** Whether the driver should read the socket. */
  get wantsInput(): boolean {
    return this.#wantsInput
  }

  /** Requests without END_REQUEST. */
  get activeRequests(): number {
    return this.#requests.size
  }

  /** Bytes held: answers nobody has read, and output the socket has not taken. */
  get bufferedBytes(): number {
    return this.#heldInput + this.#content.length + this.#output.heldBytes
  }

  /**
   * Begins a request and sends all of its params. Throws `FASTCGI_NO_FREE_ID`, `FASTCGI_BAD_PARAMS` (chars over
   * U+00FF), and on a connection that is over the error that ended it.
   */
  begin({ role = Role.Responder, keepConnection, params }: BeginOptions): ClientRequest {
    if (this.#closedBy !== undefined) throw this.#closedBy
    const id = this.#freeId()
    const request = new PendingRequest(this, { id, role, keepConnection, params })
    this.#output.settle(id)
    this.#requests.set(id, request)
    this.requestOutputChanged(request)
    return request
  }

  /** Asks for FCGI_MAX_CONNS and the like. On a connection that is over the answer is empty. */
  getValues(names: readonly string[], callback: ValuesCallback): void {
    if (this.#closedBy !== undefined) {
      callback(new Map())
      return
    }
    this.#pendingValues.push(callback)
    this.#questions.records.appendRecord(
      RecordType.GetValues,
      encodeParams(names.map((name) => [name, ''])),
    )
    this.#output.add(this.#questions)
    this.#tellOutput()
  }

  /** Takes bytes the application sent; they must not change afterwards. */
  receive(bytes: Uint8Array): void {
    if (this.#closedBy !== undefined) return
    this.#reader.push(bytes)
    this.#updateWantsInput()
  }

  /** Hands over all output in wire order. Its memory is used again after `outputWritten`. */
  takeOutput(): readonly Uint8Array[] {
    this.#isOutputTold = false
    return this.#output.take()
  }

  /** The socket has taken the next `byteCount` bytes. */
  outputWritten(byteCount: number): void {
    this.#output.written(byteCount)
  }

  /** The connection ended or died: requests without END_REQUEST end with `FASTCGI_CONNECTION_LOST`. */
  inputEnded(): void {
    if (this.#closedBy === undefined) this.#shut(connectionLost())
  }

  recordStarted(type: number, requestId: number, contentLength: number): void {
    this.#type = type
    this.#target = this.#requests.get(requestId)
    switch (type) {
      case RecordType.Stdout:
      case RecordType.Stderr:
        if (contentLength === 0) this.#target?.endInput(type)
        break
      case RecordType.EndRequest:
        if (contentLength !== END_BODY_BYTES) this.#fail(badEnd(requestId, contentLength))
        break
      case RecordType.GetValuesResult:
      case RecordType.UnknownType:
        if (requestId !== 0) this.#fail(badRecord(type, requestId))
        break
      default:
        this.#fail(badRecord(type, requestId))
    }
  }

  recordContent(bytes: Uint8Array, start: number, end: number): void {
    if (this.#type === RecordType.Stdout || this.#type === RecordType.Stderr) {
      this.#target?.pushInput(this.#type, bytes, start, end)
    } else {
      this.#content.append(bytes, start, end)
    }
  }

  recordEnded(): void {
    if (this.#type === RecordType.Stdout || this.#type === RecordType.Stderr) return
    const content = this.#content.view()
    this.#content.clear()
    if (this.#type === RecordType.EndRequest) {
      this.#end(content)
      return
    }
    const callback = this.#pendingValues.shift()
    const pairs = this.#type === RecordType.GetValuesResult ? readValues(content) : []
    callback?.(new Map(pairs))
  }

  framingBroken(error: FastCgiError): void {
    this.#fail(error)
  }

  outputRoom(heldBytes: number): number {
    return Math.max(0, this.#limits.outputBufferBytes - heldBytes)
  }

  maxRecordContent(): number {
    return this.#requests.size > 1 ? SHARED_RECORD_CONTENT : MAX_RECORD_CONTENT
  }

  requestInputHeld(delta: number): void {
    this.#heldInput += delta
    if (delta < 0) this.#updateWantsInput()
  }

  requestOutputChanged(request: PendingRequest): void {
    if (this.#closedBy !== undefined) return
    this.#output.add(request)
    this.#tellOutput()
  }

  #end(body: Uint8Array): void {
    const request = this.#target
    if (request === undefined) return
    this.#requests.delete(request.id)
    request.finish({
      protocolStatus: protocolStatusOf(byteAt(body, 4)),
      appStatus: uint32At(body, 0),
      error: undefined,
    })
  }

  /** 1 where it is free, like most web servers; otherwise the next one round. */
  #freeId(): number {
    if (!this.#requests.has(1)) return 1
    for (let tried = 0; tried < MAX_ID; tried++) {
      this.#lastId = (this.#lastId % MAX_ID) + 1
      if (!this.#requests.has(this.#lastId)) return this.#lastId
    }
    throw new FastCgiError(
      'FASTCGI_NO_FREE_ID',
      `Cannot begin a request: ${this.#requests.size} are active, at most ${MAX_ID} can be`,
    )
  }

  #tellOutput(): void {
    if (this.#isOutputTold || this.#output.isEmpty) return
    this.#isOutputTold = true
    this.#events.onOutput()
  }

  #updateWantsInput(): void {
    const { inputBufferBytes, totalInputBytes } = this.#limits
    const limit = this.#requests.size > 1 ? totalInputBytes : inputBufferBytes
    const wanted = this.#closedBy === undefined && this.#heldInput < limit
    if (wanted === this.#wantsInput) return
    this.#wantsInput = wanted
    if (wanted) this.#events.onInputWanted()
  }

  #fail(error: FastCgiError): void {
    if (this.#closedBy !== undefined) return
    this.#shut(error)
    this.#events.onClose(error)
  }

  #shut(error: FastCgiError): void {
    this.#closedBy = error
    this.#reader.stop()
    this.#output.clear()
    this.#wantsInput = false
    const requests = [...this.#requests.values()]
    const questions = this.#pendingValues
    this.#requests.clear()
    this.#pendingValues = []
    for (const request of requests) {
      request.finish({ protocolStatus: ProtocolStatus.RequestComplete, appStatus: 0, error })
    }
    for (const callback of questions) callback(new Map())
  }
}

function readValues(content: Uint8Array): Pairs {
  return [...readParams(content, NAME_LIMITS).params]
}

/** A status nobody has defined counts as a refusal. */
function protocolStatusOf(code: number): ProtocolStatus {
  switch (code) {
    case ProtocolStatus.RequestComplete:
    case ProtocolStatus.CantMpxConn:
    case ProtocolStatus.UnknownRole:
      return code
    default:
      return ProtocolStatus.Overloaded
  }
}

function badEnd(requestId: number, contentLength: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_BAD_LENGTH',
    `Cannot end request ${requestId}: a body of ${contentLength} bytes, ${END_BODY_BYTES} wanted`,
  )
}

function connectionLost(): FastCgiError {
  return new FastCgiError(
    'FASTCGI_CONNECTION_LOST',
    'Cannot finish the request: the connection ended, END_REQUEST wanted',
  )
}
