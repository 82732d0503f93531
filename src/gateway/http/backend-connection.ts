/** One connection from the HTTP front to a FastCGI listener: couples a socket with a `ClientConnection`. */
import type { Socket } from 'node:net'
import type { Logger } from '../../base/logger.ts'
import { ClientConnection, type ClientEvents } from '../../fastcgi/client-connection.ts'
import type { ClientRequest } from '../../fastcgi/client-request.ts'
import type { Pairs } from '../../fastcgi/params.ts'

/** Requests may begin before the socket is connected. */
export class BackendConnection implements ClientEvents {
  readonly #socket: Socket
  readonly #connection: ClientConnection
  readonly #onGone: (connection: BackendConnection) => void
  #inFlightBytes = 0
  #isFlushScheduled = false
  #isUsable = true

  /** `onGone` is called once, when the connection cannot be used any more. */
  constructor(socket: Socket, logger: Logger, onGone: (connection: BackendConnection) => void) {
    this.#onGone = onGone
    this.#connection = new ClientConnection(this)
    this.#socket = socket
    this.#socket.on('data', (chunk: Buffer) => {
      this.#connection.receive(chunk)
      if (!this.#connection.wantsInput) this.#socket.pause()
    })
    this.#socket.on('end', () => this.#lost())
    // The request itself only learns FASTCGI_CONNECTION_LOST. 'close' follows.
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      logger.warn({ code: error.code }, `connection to the application failed: ${error.message}`)
    })
    this.#socket.on('close', () => this.#lost())
  }

  /** Whether another request may begin. */
  get isUsable(): boolean {
    return this.#isUsable
  }

  begin(params: Pairs): ClientRequest {
    return this.#connection.begin({ keepConnection: true, params })
  }

  /** No request is under way: gives the socket back. */
  close(): void {
    this.#isUsable = false
    this.#socket.end()
  }

  onOutput(): void {
    if (this.#isFlushScheduled) return
    this.#isFlushScheduled = true
    queueMicrotask(this.#flush)
  }

  onInputWanted(): void {
    this.#socket.resume()
  }

  onClose(): void {
    this.#socket.destroy()
    this.#lost()
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    if (this.#inFlightBytes > 0 || !this.#isUsable) return
    const pieces = this.#connection.takeOutput()
    const last = pieces.at(-1)
    if (last === undefined) return
    this.#inFlightBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#socket.cork()
    for (const piece of pieces) {
      if (piece === last) this.#socket.write(piece, this.#written)
      else this.#socket.write(piece)
    }
    this.#socket.uncork()
  }

  readonly #written = (error?: Error | null): void => {
    const bytes = this.#inFlightBytes
    this.#inFlightBytes = 0
    if (error !== undefined && error !== null) return
    this.#connection.outputWritten(bytes)
    this.#flush()
  }

  /** Requests under way end with FASTCGI_CONNECTION_LOST. */
  #lost(): void {
    const wasUsable = this.#isUsable
    this.#isUsable = false
    this.#connection.inputEnded()
    this.#socket.destroy()
    if (wasUsable) this.#onGone(this)
  }
}
