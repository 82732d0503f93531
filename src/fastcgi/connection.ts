/**
 * The server side of one FastCGI connection: bytes in; requests, bytes and a closing order out. A pure state machine: whoever
 * drives it owns the socket and every timer. Nothing here throws: `onClose` tells what the peer does wrong.
 */
import { ActiveRequests } from './active-requests.ts'
import { BEGIN_BODY_BYTES, BeginBody } from './begin-body.ts'
import type { ConnectionEvents, ConnectionOptions } from './connection-events.ts'
import { Role } from './constants.ts'
import type { FastCgiError } from './errors.ts'
import type { ConnectionLimits } from './limits.ts'
import { ManagementReplies } from './management.ts'
import { OutputQueue, SHARED_RECORD_CONTENT } from './output-queue.ts'
import { readParams, tooLarge } from './params.ts'
import { ParamsAccount, UNFINISHED_REQUEST_BYTES } from './params-budget.ts'
import { PeerConduct } from './peer-conduct.ts'
import { badBegin, badRecord, duplicateId } from './protocol-fault.ts'
import { type RecordKind, recordKind } from './record-kind.ts'
import { type RecordHandler, RecordReader } from './record-reader.ts'
import { MAX_RECORD_CONTENT } from './record-writer.ts'
import { Refusal, type RefusalStatus, refusalStatus } from './refusal.ts'
import { type RequestOwner, ServerRequest } from './server-request.ts'

/** Answers to management records a peer may leave unread. */
export const MAX_REPLY_BYTES = 65_536

export class ServerConnection implements RecordHandler, RequestOwner {
  readonly #events: ConnectionEvents
  readonly #limits: ConnectionLimits
  readonly #options: ConnectionOptions
  readonly #reader = new RecordReader(this)
  readonly #output = new OutputQueue()
  /** Made when the peer asks something. */
  #replies: ManagementReplies | undefined
  readonly #requests = new ActiveRequests<ServerRequest>()
  /** Requests that hold more input than `stdinBufferBytes`. */
  #heavy: Set<ServerRequest> | undefined
  readonly #conduct: PeerConduct

  /** The record being read, the request it is for, and content to be put together. */
  #kind: RecordKind = 'unknown'
  #type = 0
  #target: ServerRequest | undefined
  #requestId = 0
  readonly #beginBody = new BeginBody()

  #heldInput = 0
  readonly #params: ParamsAccount
  /** Content of refusals the peer has not taken. */
  #refusalBytes = 0
  #wantsInput = true
  #isOutputTold = false
  #hasStarvedWriters = false
  #closesWhenIdle = false
  #hasInputEnded = false
  #isClosed = false
  /** Whether a request was ended before all of it had come. */
  #isOwedInput = false

  constructor(events: ConnectionEvents, options: ConnectionOptions) {
    this.#events = events
    this.#options = options
    this.#limits = options.limits
    this.#conduct = new PeerConduct(options.limits)
    this.#params = new ParamsAccount(options.paramsBudget, (error) => this.#close('break', error))
  }

  /** Whether the driver should read on. One more piece does no harm. */
  get wantsInput(): boolean {
    return this.#wantsInput
  }

  /** Requests between BEGIN_REQUEST and END_REQUEST. */
  get activeRequests(): number {
    return this.#requests.size
  }

  /** Bytes held: input nobody has read, and output the socket has not taken. */
  get bufferedBytes(): number {
    const query = this.#replies?.query.length ?? 0
    return this.#heldInput + this.#params.bytes + query + this.#output.heldBytes
  }

  /** Whether the next byte from the peer starts a request (or a management record), as on a new connection. */
  get isAtRest(): boolean {
    return this.waitingFor === 'record' && this.#reader.isBetweenRecords
  }

  /** Whether the peer has sent what it began to send: all of every request, and no part of another. */
  get hasReadAll(): boolean {
    return !this.#isOwedInput && this.#reader.isBetweenRecords
  }

  /** What the peer owes us; decides which timeout runs. nothing: it is our turn. */
  get waitingFor(): 'record' | 'params' | 'stdin' | 'nothing' {
    if (this.#isClosed || this.#hasInputEnded) return 'nothing'
    if (this.#requests.size === 0) return 'record'
    let isAwaitingInput = false
    for (const request of this.#requests.all()) {
      if (request.phase === 'params' || request.phase === 'refused') return 'params'
      if (request.isAwaitingInput && !request.isAborted) isAwaitingInput = true
    }
    return isAwaitingInput && this.#wantsInput ? 'stdin' : 'nothing'
  }

  /** Takes bytes the peer sent; they must not change afterwards. Ignored once the connection is closing. */
  receive(bytes: Uint8Array): void {
    if (this.#isClosed || this.#hasInputEnded) return
    this.#reader.push(bytes)
    this.#updateWantsInput()
  }

  /** Hands over all output in wire order, to be written in one go. Its memory is used again after `outputWritten`. */
  takeOutput(): Uint8Array[] {
    this.#isOutputTold = false
    return this.#output.take()
  }

  /** The socket has taken the next `byteCount` bytes of what `takeOutput` gave. */
  outputWritten(byteCount: number): void {
    this.#output.written(byteCount)
    if (this.#hasStarvedWriters) {
      this.#hasStarvedWriters = false
      for (const request of this.#requests.all()) request.wakeWriters()
    }
    this.#updateWantsInput()
  }

  /** The peer will send no more: requests that have all their input are answered, unless it `isGone`; others are aborted. */
  inputEnded(isGone: boolean): void {
    if (this.#isClosed || (this.#hasInputEnded && !isGone)) return
    this.#hasInputEnded = true
    this.#closesWhenIdle = true
    for (const request of this.#requests.all()) {
      if (isGone || request.phase !== 'running' || request.isAwaitingInput) request.abort()
    }
    this.#updateWantsInput()
    this.#closeIfIdle()
  }

  recordStarted(type: number, requestId: number, contentLength: number): void {
    this.#kind = recordKind(type, requestId)
    this.#type = type
    this.#requestId = requestId
    const request = this.#requests.get(requestId)
    this.#target = request
    switch (this.#kind) {
      case 'begin':
        this.#checkBegin(contentLength)
        break
      case 'abort':
        if (request === undefined || request.isAborted) this.#countUseless(contentLength)
        else this.#abort(request)
        break
      case 'params':
        this.#startParams(contentLength)
        break
      case 'input':
        if (request === undefined || (contentLength === 0 && !request.endInput(type))) {
          this.#countUseless(contentLength)
        }
        break
      case 'values':
        break
      case 'unknown-question':
        this.#reply((replies) => replies.addUnknownType(type))
        break
      case 'unknown':
        this.#countUseless(contentLength)
        break
      case 'misplaced':
        this.#close('break', badRecord(type, requestId))
        break
    }
  }

  recordContent(bytes: Uint8Array, start: number, end: number): void {
    const request = this.#target
    if (this.#kind === 'input') {
      if (request?.isAborted === false) request.pushInput(this.#type, bytes, start, end)
    } else if (this.#kind === 'params') {
      if (request?.phase === 'params') this.#addParams(request, bytes, start, end)
    } else if (this.#kind === 'begin') {
      this.#beginBody.append(bytes, start, end)
    } else if (this.#kind === 'values') {
      this.#replies ??= new ManagementReplies()
      this.#replies.query.append(bytes, start, end)
    }
  }

  recordEnded(): void {
    if (this.#kind === 'begin') this.#begin()
    if (this.#kind === 'values') this.#answerValues()
  }

  framingBroken(error: FastCgiError): void {
    this.#close('break', error)
  }

  outputRoom(heldBytes: number): number {
    const inTotal = this.#limits.totalBufferBytes / 2 - this.#output.heldBytes
    if (inTotal <= 0) this.#hasStarvedWriters = true
    return Math.max(0, Math.min(this.#limits.outputBufferBytes - heldBytes, Math.floor(inTotal)))
  }

  maxRecordContent(): number {
    return this.#requests.size > 1 ? SHARED_RECORD_CONTENT : MAX_RECORD_CONTENT
  }

  requestInputHeld(request: ServerRequest, delta: number): void {
    this.#heldInput += delta
    this.#heavy ??= new Set()
    if (request.heldInput >= this.#limits.stdinBufferBytes) this.#heavy.add(request)
    else this.#heavy.delete(request)
    if (delta < 0) this.#updateWantsInput()
  }

  requestOutputChanged(request: ServerRequest): void {
    if (this.#isClosed) return
    if (!request.keepsOutput) this.#output.add(request)
    this.#tellOutput()
    if (!this.#wantsInput) this.#updateWantsInput()
  }

  keepOutput(request: ServerRequest): boolean {
    return this.#events.onOutputKept?.(request) ?? false
  }

  requestEnded(request: ServerRequest): void {
    if (this.#isClosed) return
    this.#requests.delete(request.id)
    this.#params.forget(request)
    if (!request.keepConnection) this.#closesWhenIdle = true
    // An Authorizer's STDIN is over from the start, whatever its peer sends.
    if (request.isAwaitingInput || request.role === Role.Authorizer) this.#isOwedInput = true
    if (!request.isAborted) this.#conduct.countAnswered()
    this.#output.add(request)
    this.#tellOutput()
    this.#updateWantsInput()
    this.#closeIfIdle()
  }

  breakConnection(request: ServerRequest): boolean {
    // One that the peer has given up by a record is ended, as the specification wants it; one that it cut short is not.
    if (request.isAborted && !this.#hasInputEnded) return false
    if (this.#requests.size > 1 || this.#output.hasOutputOfOthers(request)) return false
    this.#close('break')
    return true
  }

  #checkBegin(contentLength: number): void {
    this.#beginBody.reset()
    if (contentLength !== BEGIN_BODY_BYTES) {
      this.#close('break', badBegin(this.#requestId, contentLength))
    } else if (this.#target !== undefined) {
      this.#close('break', duplicateId(this.#requestId))
    }
  }

  #begin(): void {
    const id = this.#requestId
    const { role, keepConnection } = this.#beginBody
    this.#output.settle(id)
    if (
      role !== undefined &&
      this.#requests.size < (this.#options.multiplex ? this.#limits.maxRequests : 1)
    ) {
      const request = new ServerRequest(this, { id, role, keepConnection })
      this.#requests.add(request)
      this.#params.count(request, UNFINISHED_REQUEST_BYTES)
      return
    }
    this.#refuse(id, refusalStatus(role, this.#options))
    if (!keepConnection) this.#closesWhenIdle = true
    this.#closeIfIdle()
  }

  #refuse(requestId: number, protocolStatus: RefusalStatus): void {
    const onWritten = (contentBytes: number) => {
      this.#refusalBytes -= contentBytes
    }
    const refusal = new Refusal({ requestId, protocolStatus, onWritten })
    this.#refusalBytes += refusal.contentBytes
    this.#output.add(refusal)
    this.#tellOutput()
  }

  #startParams(contentLength: number): void {
    const request = this.#target
    if (request?.phase !== 'params' && request?.phase !== 'refused') {
      this.#countUseless(contentLength)
    } else if (contentLength === 0) {
      if (request.phase === 'params') this.#endParams(request)
      else request.phase = 'running'
    }
  }

  #addParams(request: ServerRequest, bytes: Uint8Array, start: number, end: number): void {
    const total = request.gatheredParams.length + end - start
    if (total <= this.#limits.paramsBytes) {
      this.#params.count(request, request.gatheredParams.append(bytes, start, end))
      return
    }
    // Told at once, with what can be read so far; the rest of the stream is thrown away as it comes.
    const { params } = readParams(request.gatheredParams.view(), this.#limits)
    this.#params.forget(request)
    request.phase = 'refused'
    request.params = params
    this.#events.onBadRequest(request, tooLarge(`${total} bytes or more`, this.#limits.paramsBytes))
  }

  #endParams(request: ServerRequest): void {
    const { params, fault } = readParams(request.gatheredParams.view(), this.#limits)
    this.#params.forget(request)
    if (fault?.code === 'FASTCGI_BAD_PARAMS') {
      this.#close('break', fault)
      return
    }
    request.phase = 'running'
    request.params = params
    if (fault === undefined) this.#events.onRequest(request)
    else this.#events.onBadRequest(request, fault)
  }

  #abort(request: ServerRequest): void {
    const error = this.#conduct.countAborted()
    if (error === undefined) request.abort()
    else this.#close('break', error)
  }

  #countUseless(contentLength: number): void {
    const error = this.#conduct.countUseless(contentLength)
    if (error !== undefined) this.#close('break', error)
  }

  #answerValues(): void {
    const { multiplex, values } = this.#options
    this.#reply((replies) => replies.addValues({ ...values(), multiplex }))
  }

  #reply(add: (replies: ManagementReplies) => void): void {
    this.#replies ??= new ManagementReplies()
    add(this.#replies)
    this.#output.add(this.#replies)
    this.#tellOutput()
  }

  #tellOutput(): void {
    if (this.#isOutputTold || this.#output.isEmpty) return
    this.#isOutputTold = true
    this.#events.onOutput()
  }

  #updateWantsInput(): void {
    this.#params.settle()
    const wanted = this.#canTakeInput()
    if (wanted === this.#wantsInput) return
    this.#wantsInput = wanted
    if (wanted) this.#events.onInputWanted()
  }

  #canTakeInput(): boolean {
    if (this.#isClosed || this.#hasInputEnded) return false
    if (this.#heldInput + this.#params.bytes >= this.#limits.totalBufferBytes / 2) return false
    if (this.#output.heldBytes >= this.#limits.totalBufferBytes / 2) return false
    // A peer that reads no answers gets to ask no questions.
    if ((this.#replies?.heldBytes ?? 0) + this.#refusalBytes >= MAX_REPLY_BYTES) return false
    return this.#heavy === undefined || !this.#isTooHeavy(this.#heavy)
  }

  #isTooHeavy(heavy: ReadonlySet<ServerRequest>): boolean {
    for (const request of heavy) {
      const mayStall = this.#requests.size > 1 || request.isOutputStalled
      if (!mayStall || request.heldInput >= this.#limits.stalledStdinBytes) return true
    }
    return false
  }

  #closeIfIdle(): void {
    if (this.#closesWhenIdle && this.#requests.size === 0) this.#close('graceful')
  }

  #close(mode: 'graceful' | 'break', error?: FastCgiError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reader.stop()
    const requests = this.#requests.all()
    this.#requests.clear()
    if (mode === 'break') this.#output.clear()
    for (const request of requests) {
      this.#params.forget(request)
      request.drop()
    }
    this.#params.settle()
    this.#replies?.query.clear()
    this.#wantsInput = false
    this.#events.onClose(mode, ...(error === undefined ? [] : [error]))
  }
}
