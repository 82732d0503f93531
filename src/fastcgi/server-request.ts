/** One request on a server connection, from BEGIN_REQUEST to END_REQUEST. */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import { type NameValues, NO_NAME_VALUES } from '../base/name-values.ts'
import type { Traffic } from '../base/traffic.ts'
import { ProtocolStatus, RecordType, Role } from './constants.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import { type InputOwner, InputStream } from './input-stream.ts'
import type { Sender } from './output-queue.ts'
import { type OutputOwner, OutputStream } from './output-stream.ts'
import { RecordWriter } from './record-writer.ts'
import type { FastCgiRequest } from './request.ts'

const STREAM_TYPES = [RecordType.Stdout, RecordType.Stderr] as const
/** The DATA of all who get none. */
const NO_INPUT = new InputStream({ inputHeld: () => undefined })
NO_INPUT.end()
/** The end of nearly every request. */
const DONE = endBody(ProtocolStatus.RequestComplete, 0)
/** Content of a record of STDERR: HAProxy 2.6 ends itself when one does not fit its buffer (16 KiB by default). */
const MAX_STDERR_CONTENT = 4_088
/**
 * Bytes of STDIN between two looks from which on a peer is taken to send its body as fast as it can, and so to wait for room in the socket
 * sooner or later. nginx that waits so when the answer begins sends the rest of the body never: then it writes no more when there is room.
 */
const FAST_BODY_BYTES = 65_536
/** appStatus of a request that was given up: anything but 0. */
const GIVEN_UP = 1

/** The connection, as its requests see it. */
export interface RequestOwner {
  /** How many more bytes a stream that holds `heldBytes` may take. */
  outputRoom(heldBytes: number): number
  /** How large records may be at the moment. */
  maxRecordContent(): number
  /** `request` holds `delta` bytes of input more than before. */
  requestInputHeld(request: ServerRequest, delta: number): void
  /** `request` has written, or waits for room. */
  requestOutputChanged(request: ServerRequest): void
  /** `request` wants to keep its output: whether `letOutputGo` will be called in a while, again as long as it says so. */
  keepOutput(request: ServerRequest): boolean
  /** `request` has written its END_REQUEST and is active no more. */
  requestEnded(request: ServerRequest): void
  /** Tries to break the connection off for `request`; false: others need it, or the peer waits for an end. */
  breakConnection(request: ServerRequest): boolean
}

export interface RequestStart {
  readonly id: number
  readonly role: Role
  readonly keepConnection: boolean
}

/** The request the application is given, and what the connection needs of it. */
export class ServerRequest implements FastCgiRequest, Sender, InputOwner, OutputOwner {
  readonly id: number
  readonly role: Role
  readonly keepConnection: boolean
  readonly records: RecordWriter
  readonly streamTypes = STREAM_TYPES
  readonly gatheredParams = new GatheredBytes()
  countedBytes = 0
  params: NameValues = NO_NAME_VALUES
  /**
   * params: the application does not know it yet. refused: it knows, but the rest of PARAMS is unread. running:
   * PARAMS has ended. ended: END_REQUEST is written.
   */
  phase: 'params' | 'refused' | 'running' | 'ended' = 'params'
  /** Bytes of PARAMS the connection counts for it. */
  countedParams = 0
  /** Input bytes held for it. */
  heldInput = 0

  readonly #owner: RequestOwner
  readonly #stdin: InputStream
  readonly #data: InputStream
  readonly #stdout: OutputStream
  /** undefined: nobody has asked for it. */
  #stderr: OutputStream | undefined
  #traffic: Traffic | undefined
  /** Whether output may go out. Kept: not yet. */
  #output: 'none' | 'kept' | 'sent' = 'none'
  /** Bytes of STDIN since it was last asked to let its output go. */
  #bodyBytes = 0
  #isAborted = false
  #onAbort: (() => void) | undefined

  constructor(owner: RequestOwner, { id, role, keepConnection }: RequestStart) {
    this.#owner = owner
    this.id = id
    this.role = role
    this.keepConnection = keepConnection
    this.records = new RecordWriter(id)
    this.#stdin = new InputStream(this)
    this.#data = role === Role.Filter ? new InputStream(this) : NO_INPUT
    this.#stdout = new OutputStream(this, RecordType.Stdout, { isOptional: false })
    // An Authorizer is sent PARAMS only (section 6.3), and only a Filter gets DATA (6.4).
    if (role === Role.Authorizer) this.#stdin.end()
  }

  get stdin(): ByteSource {
    return this.#stdin
  }

  get data(): ByteSource {
    return this.#data
  }

  get stdout(): ByteSink {
    return this.#stdout
  }

  get stderr(): ByteSink {
    if (this.#stderr !== undefined) return this.#stderr
    const stderr = new OutputStream(this, RecordType.Stderr, { isOptional: true })
    if (this.#isAborted || this.phase === 'ended') stderr.swallow()
    this.#stderr = stderr
    return stderr
  }

  get isAborted(): boolean {
    return this.#isAborted
  }

  /** Whether the peer owes it bytes of STDIN or DATA. */
  get isAwaitingInput(): boolean {
    return !(this.#stdin.hasEnded && this.#data.hasEnded)
  }

  /** Whether its writer waits for the peer to take STDOUT. */
  get isOutputStalled(): boolean {
    return this.#stdout.isBlocked
  }

  /** Whether its output is not to be sent yet. */
  get keepsOutput(): boolean {
    return this.#output === 'kept'
  }

  /** Sends what it has kept, unless its body comes fast. Whether it has to be asked again. */
  letOutputGo(): boolean {
    if (this.#output !== 'kept') return false
    const isFast = this.#bodyBytes >= FAST_BODY_BYTES
    this.#bodyBytes = 0
    if (!isFast) this.#sendOutput()
    return isFast
  }

  countIn(traffic: Traffic): void {
    this.#traffic = traffic
    // Nobody can have read anything.
    traffic.receivedBytes += this.params.bytes.length + this.heldInput
  }

  end(protocolStatus: ProtocolStatus, appStatus: number): void {
    if (this.phase === 'ended') return
    // What has been cut short must not look whole.
    if (this.#isAborted && this.#owner.breakConnection(this)) return
    this.phase = 'ended'
    this.#output = 'sent'
    this.#onAbort = undefined
    this.#stderr?.endQuietly()
    this.#stdout.endQuietly()
    this.records.appendRecord(RecordType.EndRequest, this.#endBody(protocolStatus, appStatus))
    this.#owner.requestEnded(this)
    this.#release()
  }

  breakOff(appStatus: number): void {
    if (this.phase === 'ended') return
    this.#onAbort = undefined
    if (this.#owner.breakConnection(this)) return
    this.end(ProtocolStatus.RequestComplete, appStatus === 0 ? GIVEN_UP : appStatus)
  }

  onAbort(callback: () => void): void {
    if (this.#isAborted && this.phase !== 'ended') callback()
    else this.#onAbort = callback
  }

  /** The peer has given the request up: STDIN ends, output goes nowhere, the application is told. */
  abort(): void {
    if (this.#isAborted || this.phase === 'ended') return
    this.#isAborted = true
    // Nobody knows it yet: there is no one else to end it.
    if (this.phase === 'params') {
      this.end(ProtocolStatus.RequestComplete, GIVEN_UP)
      return
    }
    const callback = this.#onAbort
    this.#onAbort = undefined
    this.#stdout.swallow()
    this.#stderr?.swallow()
    // Told before its streams end, or it would take the end of STDIN for a short body.
    callback?.()
    this.#release()
  }

  /** Ends without a word on the wire: the connection is gone. */
  drop(): void {
    if (this.phase !== 'params') this.abort()
    this.phase = 'ended'
    this.#release()
  }

  /** STDIN or DATA content. */
  pushInput(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#traffic !== undefined) this.#traffic.receivedBytes += end - start
    if (type === RecordType.Stdin) {
      this.#bodyBytes += end - start
      this.#stdin.push(bytes, start, end)
    } else this.#data.push(bytes, start, end)
  }

  /** The end of STDIN or DATA. False: it had ended before. */
  endInput(type: number): boolean {
    const stream = type === RecordType.Stdin ? this.#stdin : this.#data
    if (stream.hasEnded) return false
    stream.end()
    if (stream === this.#stdin && this.#output === 'kept') this.#sendOutput()
    return true
  }

  /** Wakes writers for whom there is room again. */
  wakeWriters(): void {
    this.#stdout.wakeIfRoom()
    this.#stderr?.wakeIfRoom()
  }

  inputHeld(delta: number): void {
    this.heldInput += delta
    this.#owner.requestInputHeld(this, delta)
  }

  roomFor(heldBytes: number): number {
    return this.#owner.outputRoom(heldBytes)
  }

  writeContent(type: number, bytes: Uint8Array, count: number): void {
    const largest = this.#owner.maxRecordContent()
    const isStderr = type === RecordType.Stderr
    this.records.append(type, bytes, count, isStderr ? MAX_STDERR_CONTENT : largest)
  }

  writeRecord(type: number, content: Uint8Array): void {
    this.records.appendRecord(type, content)
  }

  outputChanged(): void {
    if (this.#output === 'none') {
      const isBodyComing = !this.#stdin.hasEnded && this.phase === 'running' && !this.#isAborted
      this.#output = isBodyComing && this.#owner.keepOutput(this) ? 'kept' : 'sent'
      this.#bodyBytes = 0
    }
    this.#owner.requestOutputChanged(this)
  }

  contentWritten(first: number, second: number): void {
    if (this.#traffic !== undefined) this.#traffic.sentBytes += first
    this.#stdout.contentWritten(first)
    this.#stderr?.contentWritten(second)
  }

  #sendOutput(): void {
    this.#output = 'sent'
    this.#owner.requestOutputChanged(this)
  }

  #endBody(protocolStatus: ProtocolStatus, appStatus: number): Uint8Array {
    if (appStatus !== 0) return endBody(protocolStatus, appStatus)
    if (this.#isAborted) return endBody(protocolStatus, GIVEN_UP)
    return protocolStatus === ProtocolStatus.RequestComplete ? DONE : endBody(protocolStatus, 0)
  }

  /** Nobody reads or is written to any more; whoever waits is woken. */
  #release(): void {
    this.#stdin.discard()
    this.#data.discard()
    this.#stdout.swallow()
    this.#stderr?.swallow()
    this.wakeWriters()
  }
}

/** The body of END_REQUEST: appStatus (4 bytes), protocolStatus, 3 reserved. */
export function endBody(protocolStatus: ProtocolStatus, appStatus: number): Uint8Array {
  const body = new Uint8Array(8)
  body[0] = appStatus >>> 24
  body[1] = appStatus >>> 16
  body[2] = appStatus >>> 8
  body[3] = appStatus
  body[4] = protocolStatus
  return body
}
