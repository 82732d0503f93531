/** One request on a client connection: what a web server would hold. */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import { type ProtocolStatus, RecordType, Role } from './constants.ts'
import type { FastCgiError } from './errors.ts'
import { type InputOwner, InputStream } from './input-stream.ts'
import type { Sender } from './output-queue.ts'
import { type OutputOwner, OutputStream } from './output-stream.ts'
import { encodeParams, type Pairs } from './params.ts'
import { RecordWriter } from './record-writer.ts'

export interface ClientRequest {
  /** 1..65,535; unique among the active requests of its connection only. */
  readonly id: number
  /** FCGI_STDIN: to be ended even where there is no body. Swallows everything once the request has ended. */
  readonly stdin: ByteSink
  /** FCGI_DATA of a Filter request. */
  readonly data: ByteSink
  /** FCGI_STDOUT: can be read on after the request has ended. */
  readonly stdout: ByteSource
  readonly stderr: ByteSource
  /** Gives the request up. The other side still has to end it. */
  abort(): void
  /** Calls back once when the request has ended; at once if it has. */
  onEnd(callback: EndCallback): void
}

/** `error` is set if the connection ended instead of the request; the statuses then mean nothing. */
export type EndCallback = (
  protocolStatus: ProtocolStatus,
  appStatus: number,
  error?: FastCgiError,
) => void

/** The connection, as its requests see it. */
export interface ClientRequestOwner {
  /** How many more bytes a stream that holds `heldBytes` may take. */
  outputRoom(heldBytes: number): number
  maxRecordContent(): number
  requestInputHeld(delta: number): void
  requestOutputChanged(request: PendingRequest): void
}

export interface ClientRequestStart {
  readonly id: number
  readonly role: Role
  readonly keepConnection: boolean
  readonly params: Pairs
}

const STREAM_TYPES = [RecordType.Stdin, RecordType.Data] as const
const NONE = new Uint8Array(0)

interface RequestEnd {
  readonly protocolStatus: ProtocolStatus
  readonly appStatus: number
  readonly error: FastCgiError | undefined
}

/** The request the caller is given, and what the connection needs of it. */
export class PendingRequest implements ClientRequest, Sender, InputOwner, OutputOwner {
  readonly id: number
  readonly records: RecordWriter
  readonly streamTypes = STREAM_TYPES
  countedBytes = 0
  readonly #owner: ClientRequestOwner
  readonly #stdin: OutputStream
  readonly #data: OutputStream
  readonly #stdout = new InputStream(this)
  readonly #stderr = new InputStream(this)
  #isAborted = false
  #end: RequestEnd | undefined
  #onEnd: EndCallback | undefined

  /** Writes BEGIN_REQUEST and the whole of PARAMS. Throws `FASTCGI_BAD_PARAMS`. */
  constructor(owner: ClientRequestOwner, start: ClientRequestStart) {
    const params = encodeParams(start.params)
    this.#owner = owner
    this.id = start.id
    this.records = new RecordWriter(start.id)
    this.#stdin = new OutputStream(this, RecordType.Stdin, { isOptional: false })
    this.#data = new OutputStream(this, RecordType.Data, {
      isOptional: start.role !== Role.Filter,
    })
    this.records.appendRecord(RecordType.BeginRequest, beginBody(start))
    this.writeContent(RecordType.Params, params, params.length)
    this.records.appendRecord(RecordType.Params, NONE)
  }

  get stdin(): ByteSink {
    return this.#stdin
  }

  get data(): ByteSink {
    return this.#data
  }

  get stdout(): ByteSource {
    return this.#stdout
  }

  get stderr(): ByteSource {
    return this.#stderr
  }

  get heldInput(): number {
    return this.#stdout.heldBytes + this.#stderr.heldBytes
  }

  abort(): void {
    if (this.#isAborted || this.#end !== undefined) return
    this.#isAborted = true
    this.records.appendRecord(RecordType.AbortRequest, NONE)
    this.#stdin.swallow()
    this.#data.swallow()
    this.outputChanged()
    this.wakeWriters()
  }

  onEnd(callback: EndCallback): void {
    if (this.#end === undefined) this.#onEnd = callback
    else tell(callback, this.#end)
  }

  /** STDOUT or STDERR content. */
  pushInput(type: number, bytes: Uint8Array, start: number, end: number): void {
    if (type === RecordType.Stdout) this.#stdout.push(bytes, start, end)
    else this.#stderr.push(bytes, start, end)
  }

  /** The empty record of STDOUT or STDERR. */
  endInput(type: number): void {
    if (type === RecordType.Stdout) this.#stdout.end()
    else this.#stderr.end()
  }

  /** The request is over: whoever waits is woken, then `onEnd` is called. */
  finish(end: RequestEnd): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#stdin.swallow()
    this.#data.swallow()
    this.#stdout.end()
    this.#stderr.end()
    this.wakeWriters()
    const callback = this.#onEnd
    this.#onEnd = undefined
    if (callback !== undefined) tell(callback, end)
  }

  /** Wakes writers for whom there is room again. */
  wakeWriters(): void {
    this.#stdin.wakeIfRoom()
    this.#data.wakeIfRoom()
  }

  inputHeld(delta: number): void {
    this.#owner.requestInputHeld(delta)
  }

  roomFor(heldBytes: number): number {
    return this.#owner.outputRoom(heldBytes)
  }

  writeContent(type: number, bytes: Uint8Array, count: number): void {
    this.records.append(type, bytes, count, this.#owner.maxRecordContent())
  }

  writeRecord(type: number, content: Uint8Array): void {
    this.records.appendRecord(type, content)
  }

  outputChanged(): void {
    this.#owner.requestOutputChanged(this)
  }

  contentWritten(first: number, second: number): void {
    this.#stdin.contentWritten(first)
    this.#data.contentWritten(second)
  }
}

function tell(callback: EndCallback, { protocolStatus, appStatus, error }: RequestEnd): void {
  if (error === undefined) callback(protocolStatus, appStatus)
  else callback(protocolStatus, appStatus, error)
}

/** The body of BEGIN_REQUEST: role (2 bytes), flags, 5 reserved. */
function beginBody({ role, keepConnection }: ClientRequestStart): Uint8Array {
  const body = new Uint8Array(8)
  body[1] = role
  body[2] = keepConnection ? 1 : 0
  return body
}
