/** Couples a socket with a `ServerConnection`: carries bytes both ways, and closes the way the connection asks for. */
import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { loadLibc } from '../../base/libc.ts'
import type { Logger } from '../../base/logger.ts'
import type { Accepted } from '../../base/raw-socket.ts'
import { ServerConnection } from '../../fastcgi/connection.ts'
import type {
  ConnectionEvents,
  ConnectionOptions,
  KeepsOutput,
} from '../../fastcgi/connection-events.ts'
import type { FastCgiError } from '../../fastcgi/errors.ts'
import type { FastCgiRequest } from '../../fastcgi/request.ts'
import { ListenError, type ListenErrorCode } from './errors.ts'
import { foreignProtocol } from './foreign-protocol.ts'
import { peerWait, type Wait } from './peer-wait.ts'
import { SocketOutput } from './socket-output.ts'
import type { Swept } from './sweep.ts'
import { type ConnectionTimeouts, KEEP_MS, LINGER_BYTES } from './timeouts.ts'
import { Wire } from './wire.ts'

/** Who is at the other end. */
export interface ConnectionPeer {
  readonly transport: 'tcp' | 'unix'
  /** undefined on a unix socket. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  /** The listen address it came in by. */
  readonly listener: string
}

/** Answers requests; called synchronously while bytes are read. */
export interface RequestHandler {
  /** PARAMS has ended. The handler ends the request. */
  onRequest(request: FastCgiRequest, peer: ConnectionPeer): void
  /** PARAMS went over a cap: to be answered with 431 and ended. */
  onBadRequest(request: FastCgiRequest, error: FastCgiError, peer: ConnectionPeer): void
}

export interface DriverOptions {
  readonly handler: RequestHandler
  readonly peer: ConnectionPeer
  readonly connection: ConnectionOptions
  readonly timeouts: ConnectionTimeouts
  readonly clock: Clock
  readonly logger: Logger
  /** It comes from another process, which has answered requests on it. Default false. */
  readonly isKept?: boolean
  /** Takes an open socket off the driver's hands instead of letting it be closed while it is idle. */
  readonly handOver?: ((socket: Socket) => boolean) | undefined
  /** Called once, when the socket is gone. */
  readonly onClosed: (driver: ConnectionDriver) => void
}

/**
 * open -> closing (an answer is still on its way) -> lingering (we have half-closed) -> closed;
 * open -> breaking (a bad record is on its way) -> closed.
 */
type State = 'open' | 'closing' | 'lingering' | 'breaking' | 'closed'

const NOBODY: readonly KeepsOutput[] = []

/** Version 0: no FastCGI record. Most web servers notice it, where a plain close passes for a complete answer. */
const BAD_RECORD = new Uint8Array(8)

export class ConnectionDriver implements ConnectionEvents, Swept {
  place = -1
  readonly #wire: Wire
  readonly #options: DriverOptions
  readonly #connection: ServerConnection
  readonly #output: SocketOutput
  #state: State = 'open'
  #closesWhenIdle = false
  /** Whether the last write has been given to the socket. */
  #hasEnded = false

  /** Whether the event loop looks for bytes; those that had come before. */
  #isReading = false
  #firstBytes = 0
  #requestsSeen = 0
  /** Bytes of a connection that was handed over: its socket knows of none any more. */
  #counted: { readonly read: number; readonly written: number } | undefined
  #discardedBytes = 0
  /** The chunk being received, for the log line about what is wrong with it. */
  #chunk: Uint8Array | undefined
  /** Of its requests those that keep their output. */
  #keptNow: readonly KeepsOutput[] = NOBODY

  #wait: Wait | undefined
  #waitSinceMs = 0

  /** Takes the socket over. A stream must have `allowHalfOpen` set. */
  constructor(socket: Socket | Accepted, options: DriverOptions) {
    this.#options = options
    this.#wire = new Wire(socket, { opened: this.#listen, received: this.#receive })
    this.#connection = new ServerConnection(this, options.connection)
    this.#output = new SocketOutput(this.#wire, this.#connection, this.#advance)
    if (options.isKept === true) this.#requestsSeen = 1
  }

  /** Bytes that have come over the socket, and that were sent. */
  get bytesRead(): number {
    return this.#counted?.read ?? this.#firstBytes + this.#wire.bytesRead
  }

  get bytesWritten(): number {
    return this.#counted?.written ?? this.#wire.bytesWritten
  }

  /** Requests that have begun and not ended. */
  get activeRequests(): number {
    return this.#connection.activeRequests
  }

  /** Closes gracefully as soon as no request is active and all output is sent: now, if that is so. */
  closeWhenIdle(): void {
    this.#closesWhenIdle = true
    this.#advance()
  }

  /** Hands the connection over if no request is active and nothing of one has come; else it stays as it is. */
  handOverIfIdle(): void {
    if (this.#state === 'open' && this.#requestsSeen > 0 && !this.#output.isBusy) this.#handOver()
  }

  /** Closes gracefully after the next answer; a connection that stays idle stays open. */
  closeAfterAnswer(): void {
    this.#closesWhenIdle = true
    // The end comes with the answer: right behind it, it might cross the next request.
    if (this.#options.peer.transport === 'tcp') loadLibc()?.cork(this.#wire.descriptor)
  }

  /** Cuts the connection so that the peer notices. */
  destroy(): void {
    this.#break()
  }

  onRequest(request: FastCgiRequest): void {
    this.#requestsSeen += 1
    this.#options.handler.onRequest(request, this.#options.peer)
  }

  onBadRequest(request: FastCgiRequest, error: FastCgiError): void {
    this.#requestsSeen += 1
    this.#options.handler.onBadRequest(request, error, this.#options.peer)
  }

  onOutput(): void {
    this.#output.schedule()
  }

  onOutputKept(request: KeepsOutput): boolean {
    // What has come with it may be all of the body: then there is nothing to wait for, and no timer.
    if (this.#chunk === undefined) this.#lookAgain(request)
    else this.#keptNow = [...this.#keptNow, request]
    return true
  }

  #lookAgain(request: KeepsOutput): void {
    this.#options.clock.after(KEEP_MS, () => {
      if (request.letOutputGo()) this.#lookAgain(request)
    })
  }

  onInputWanted(): void {
    this.#resume()
  }

  onClose(mode: 'graceful' | 'break', error?: FastCgiError): void {
    if (this.#state !== 'open') return
    if (error !== undefined) this.#logProtocolError(error)
    if (mode === 'break') {
      this.#break()
      return
    }
    this.#state = 'closing'
    if (this.#isReading) this.#resume()
    this.#output.schedule()
  }

  /** Called by the listener's sweep: gives the peer up if it has kept us waiting too long for one thing. */
  sweep(nowMs: number): void {
    const wait = this.#currentWait()
    const before = this.#wait
    if (wait === undefined || wait.code !== before?.code || wait.progress !== before.progress) {
      this.#wait = wait
      this.#waitSinceMs = nowMs
      return
    }
    if (nowMs - this.#waitSinceMs < wait.limitMs) return
    if (wait.code === 'linger') this.#wire.close()
    else this.#giveUp(wait.code, wait.limitMs)
  }

  /**
   * Reads. A peer that opens a connection for a request sends it at once, and it has come by the time we hear of the connection, or a turn of
   * the event loop later. Where it is answered at once, and that is the end of the connection, the event loop never hears of it.
   */
  start(): void {
    setImmediate(this.#receiveFirst() ? this.#startReading : this.#startLate)
  }

  readonly #startLate = (): void => {
    if (!this.#wire.hasStream && this.#receiveFirst()) setImmediate(this.#startReading)
    else this.#startReading()
  }

  #receiveFirst(): boolean {
    const first = this.#state === 'open' ? this.#wire.receiveNow() : undefined
    if (first === undefined) return false
    this.#firstBytes = first.length
    this.#receive(first)
    return true
  }

  readonly #listen = (stream: Socket): void => {
    stream.on('end', this.#inputEnded)
    stream.on('error', this.#failed)
    stream.on('close', this.#closed)
  }

  readonly #startReading = (): void => {
    if (this.#isReading || this.#state === 'closed' || this.#wire.stream.destroyed) return
    this.#isReading = true
    this.#wire.read()
    if (this.#isHeldBack) this.#wire.stream.pause()
  }

  #resume(): void {
    this.#startReading()
    this.#wire.stream.resume()
  }

  get #isHeldBack(): boolean {
    return this.#state === 'open' && !this.#connection.wantsInput
  }

  readonly #receive = (chunk: Uint8Array): void => {
    if (this.#state !== 'open') {
      this.#discardedBytes += chunk.length
      if (this.#discardedBytes > LINGER_BYTES) this.#wire.close()
      return
    }
    this.#chunk = chunk
    this.#connection.receive(chunk)
    this.#chunk = undefined
    for (const request of this.#keptNow) if (request.keepsOutput) this.#lookAgain(request)
    this.#keptNow = NOBODY
    if (this.#isReading && this.#isHeldBack) this.#wire.stream.pause()
  }

  readonly #inputEnded = (): void => {
    this.#connection.inputEnded(this.activeRequests > 0 && this.#wire.isPeerGone)
  }

  readonly #failed = (error: NodeJS.ErrnoException): void => {
    // A reset is how some web servers end every connection (Caddy closes with unread bytes): nothing to report.
    this.#options.logger.debug({ peer: this.#options.peer, code: error.code }, 'connection lost')
  }

  readonly #closed = (): void => {
    this.#state = 'closed'
    this.#connection.inputEnded(true)
    // Requests that go on without their peer must not wait for it.
    this.#output.discard()
    this.#options.onClosed(this)
    // Or V8's collections of young objects take what hangs on the socket for alive, a third of all garbage.
    if (this.#wire.hasStream) this.#wire.stream.removeAllListeners()
  }

  /** Nothing is left to write: takes the next step towards the end, if this connection is to end. */
  readonly #advance = (): void => {
    if (this.#output.isBusy || this.#hasEnded) return
    if (this.#state === 'breaking') {
      this.#hasEnded = true
      this.#wire.stream.end(BAD_RECORD, this.#destroySocket)
    } else if (this.#state === 'closing') {
      this.#startLinger()
    } else if (this.#state === 'open' && this.#closesWhenIdle && this.activeRequests === 0) {
      // What has begun to come is the next request: it is waited for, and not thrown away.
      if (this.#handOver() || this.#hasBegun) return
      this.#connection.inputEnded(true)
      if (this.#state === 'open') this.#startLinger()
    }
  }

  /** Whether something has come that no request has had yet. */
  get #hasBegun(): boolean {
    const { waitingFor, isAtRest } = this.#connection
    return (waitingFor === 'record' && !isAtRest) || this.#wire.holdsInput
  }

  /**
   * Parts with the open socket. What the peer sends from here on waits in the kernel for whoever reads it next: no request
   * can be lost, however fast it follows.
   */
  #handOver(): boolean {
    const { handOver, onClosed } = this.#options
    if (handOver === undefined || !this.#connection.isAtRest || this.#wire.holdsInput) return false
    const socket = this.#wire.stream
    const counted = { read: this.bytesRead, written: this.bytesWritten }
    if (!handOver(socket)) return false
    this.#state = 'closed'
    this.#counted = counted
    socket.removeListener('data', this.#receive)
    socket.removeListener('close', this.#closed)
    onClosed(this)
    return true
  }

  /**
   * Closes our side only. A full close while the peer still sends would make the kernel answer with a reset, and that
   * can overtake the end of what we have written; on a unix socket nothing overtakes it, and a peer that has sent all it began
   * to send reads the answer and then its end, without another round of the event loop for both.
   */
  #startLinger(): void {
    this.#state = 'lingering'
    this.#hasEnded = true
    if (this.#options.peer.transport === 'unix' && this.#connection.hasReadAll) {
      this.#close()
      return
    }
    this.#resume()
    // Node ends it a turn of the event loop later.
    if (this.#closesWhenIdle) loadLibc()?.endSending(this.#wire.descriptor)
    this.#wire.stream.end()
  }

  /** Ends the connection in a way that cannot be taken for a complete answer. */
  #break(): void {
    if (this.#state === 'breaking' || this.#state === 'closed') return
    if (this.#state === 'lingering') {
      this.#wire.close()
      return
    }
    this.#state = 'breaking'
    this.#connection.inputEnded(true)
    if (this.#options.peer.transport === 'tcp') {
      this.#wire.stream.resetAndDestroy()
      return
    }
    // A unix socket has no reset. The record must not end up inside another one: what was taken goes first.
    this.#resume()
    this.#output.seal()
  }

  #close(): void {
    // Destroyed while it tells of a write, a stream makes an error, with its stack, for nobody.
    if (this.#wire.hasStream) process.nextTick(this.#destroySocket)
    else {
      this.#wire.close()
      this.#closed()
    }
  }

  readonly #destroySocket = (): void => this.#wire.close()

  #currentWait(): Wait | undefined {
    return peerWait(
      {
        isLingering: this.#state === 'lingering',
        isWriting: this.#output.isWriting || this.#state !== 'open',
        waitingFor: this.#connection.waitingFor,
        bytesRead: this.bytesRead,
        requestsSeen: this.#requestsSeen,
        writesDone: this.#output.writesDone,
      },
      this.#options.timeouts,
    )
  }

  #giveUp(code: ListenErrorCode, limitMs: number): void {
    if (code === 'GATEWAY_IDLE_TIMEOUT') {
      this.closeWhenIdle()
      if (this.#hasBegun) this.#break()
      return
    }
    const { logger, peer } = this.#options
    const err = new ListenError(
      code,
      `Cannot go on with a connection: ${limitMs} ms without progress, wanted less`,
    )
    logger.info({ peer, code, activeRequests: this.activeRequests }, err.message)
    const isStuck = code === 'GATEWAY_WRITE_TIMEOUT'
    this.#break()
    // It takes nothing: the bad record would wait like the rest.
    if (isStuck) this.#wire.close()
  }

  #logProtocolError(error: FastCgiError): void {
    const { logger, peer } = this.#options
    const [chunk, bytesRead] = [this.#chunk, this.bytesRead]
    const foreign = bytesRead === chunk?.length ? foreignProtocol(chunk) : undefined
    const hint = foreign === undefined ? '' : `; the peer speaks ${foreign}, this port FastCGI`
    logger.warn({ peer, code: error.code }, `${error.message}${hint}`)
  }
}
