/**
 * One connection of a guest: a stream of both directions, being opened, open, or over.
 *
 *     opening ──> open ──> closing (its last bytes are on their way) ──> gone
 *        └── fails ─┴── fails: reset, or over a limit ──────────────────> gone
 *
 * It reads no further than the socket's buffer while the guest takes nothing, and takes no more than that while the peer does not.
 */
import type { Socket } from 'node:net'
import { type ByteSink, NOTHING_YET } from '../base/byte-stream.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { Filetype } from '../wasi/abi.ts'
import { Errno, errnoOf } from '../wasi/errno.ts'
import type { OpenStream, StreamReader } from '../wasi/filesystem.ts'
import type { OutboundCode } from './errors.ts'

/** How long the last bytes of a closed connection may take to be sent. */
const LINGER_MS = 1000

export interface ConnectionTimes {
  readonly connectMs: number
  readonly idleMs: number
  readonly totalMs: number
}

interface ConnectionOptions {
  readonly ino: bigint
  readonly clock: Clock
  readonly times: ConnectionTimes
}

/** Why opening failed. */
export class ConnectFailure extends Error {
  readonly code: OutboundCode
  readonly errno: number

  constructor(code: OutboundCode, errno: number, message: string) {
    super(message)
    this.code = code
    this.errno = errno
  }
}

/** Whose connection it is. */
export interface ConnectionOwner {
  /** How many more bytes may be sent, and received. */
  readonly mayBeSent: number
  readonly mayBeReceived: number
  sent(bytes: number): void
  received(bytes: number): void
  opened(): void
  failed(code: OutboundCode, to: string, message: string): void
  /** The guest has it no more. */
  closed(): void
  /** Nothing is left of it. Once, last. */
  gone(): void
}

/** Opens it. Rejects, with a `ConnectFailure` unless it was told to stop. */
export type Establish = (signal: AbortSignal) => Promise<Socket>

export class OutboundConnection implements OpenStream, StreamReader, ByteSink {
  readonly kind = 'stream'
  readonly filetype = Filetype.SocketStream
  readonly isTerminal = false
  readonly ino: bigint
  readonly opening = {
    outcome: (): number | undefined => this.#outcome,
    onOutcome: (wake: () => void): void => {
      this.#wakeReader = wake
      if (this.#outcome !== undefined) this.#wakeUpReader()
    },
  }
  readonly #to: string
  readonly #owner: ConnectionOwner
  readonly #clock: Clock
  readonly #times: ConnectionTimes
  readonly #stop = new AbortController()
  #socket: Socket | undefined
  /** Of opening: SUCCESS or an errno. */
  #outcome: number | undefined
  /** What reads and writes answer from now on. */
  #failure: number | undefined
  #isClosed = false
  #isGone = false
  #hasEnded = false
  #kept: Uint8Array = NOTHING_YET
  #wakeReader: (() => void) | undefined
  #wakeWriter: (() => void) | undefined
  #timer: Timer
  #endMs: number
  #movedMs: number

  /** `to`: where it leads, for people. */
  constructor(to: string, owner: ConnectionOwner, { ino, clock, times }: ConnectionOptions) {
    this.ino = ino
    this.#to = to
    this.#owner = owner
    this.#clock = clock
    this.#times = times
    this.#movedMs = clock.nowMs()
    this.#endMs = this.#movedMs + times.totalMs
    this.#timer = clock.after(times.connectMs, () =>
      this.#failToOpen('OUTBOUND_CONNECT_TIMEOUT', Errno.TIMEDOUT, 'it took too long'),
    )
  }

  get source(): StreamReader {
    return this
  }

  get sink(): ByteSink {
    return this
  }

  get failure(): number | undefined {
    return this.#failure
  }

  /** Begins. Once. */
  start(establish: Establish): void {
    establish(this.#stop.signal).then(
      (socket) => this.#open(socket),
      (error: unknown) => {
        const { code, errno, message } =
          error instanceof ConnectFailure
            ? error
            : new ConnectFailure('OUTBOUND_CONNECT_FAILED', errnoOf(error), String(error))
        this.#failToOpen(code, errno, message)
      },
    )
  }

  available(): number {
    if (this.#kept.length === 0 && this.#failure === undefined) this.#fetch()
    if (this.#kept.length > 0) return this.#kept.length
    return this.#hasEnded || this.#failure !== undefined ? -1 : 0
  }

  read(maxBytes: number): Uint8Array | undefined {
    const available = this.available()
    if (available <= 0) return available < 0 ? undefined : NOTHING_YET
    const taken = this.#kept.subarray(0, maxBytes)
    this.#kept = this.#kept.subarray(taken.length)
    return taken
  }

  onReadable(wake: () => void): void {
    this.#wakeReader = wake
    if (this.available() !== 0) this.#wakeUpReader()
  }

  write(bytes: Uint8Array): number {
    const socket = this.#socket
    if (this.#failure !== undefined) return -this.#failure
    if (this.#outcome === undefined) return 0
    if (socket === undefined || !socket.writable) return -Errno.PIPE
    if (bytes.length === 0) return 0
    if (socket.writableNeedDrain) return 0
    const room = Math.max(1, socket.writableHighWaterMark - socket.writableLength)
    const length = Math.min(bytes.length, room, this.#owner.mayBeSent)
    if (length === 0) {
      this.#fail('OUTBOUND_TOO_MUCH_SENT', Errno.DQUOT, 'the request has sent all that it may')
      return -Errno.DQUOT
    }
    // The guest's memory changes.
    socket.write(Uint8Array.from(bytes.subarray(0, length)), this.#moved)
    this.#owner.sent(length)
    return length
  }

  onWritable(wake: () => void): void {
    this.#wakeWriter = wake
    const isOpening = this.#outcome === undefined
    if (!isOpening && this.#socket?.writableNeedDrain !== true) this.#wakeUpWriter()
  }

  /** The guest sends no more. */
  end(): void {
    this.#socket?.end()
  }

  /** The guest has it no more. What it has written is still sent, if the peer takes it soon. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer.cancel()
    this.#stop.abort()
    this.#owner.closed()
    const socket = this.#socket
    if (socket === undefined || socket.destroyed) {
      this.#go()
      return
    }
    this.#timer = this.#clock.after(LINGER_MS, () => socket.destroy())
    socket.destroySoon()
  }

  #open(socket: Socket): void {
    if (this.#outcome !== undefined || this.#isClosed) {
      socket.destroy()
      return
    }
    if (socket.destroyed) {
      this.#failToOpen('OUTBOUND_CONNECT_FAILED', Errno.CONNRESET, 'it was reset')
      return
    }
    this.#timer.cancel()
    this.#socket = socket
    this.#outcome = Errno.SUCCESS
    this.#owner.opened()
    socket.on('readable', () => {
      this.#moved()
      this.#wakeUpReader()
    })
    socket.on('end', () => {
      this.#hasEnded = true
      this.#wakeUpReader()
    })
    socket.on('drain', () => this.#wakeUpWriter())
    socket.on('error', (error) => {
      this.#fail('OUTBOUND_CONNECT_FAILED', errnoOf(error), error.message)
    })
    socket.on('close', () => {
      this.#hasEnded = true
      this.#wakeUpReader()
      this.#wakeUpWriter()
      if (this.#isClosed) this.#go()
    })
    this.#moved()
    this.#watch()
    this.#wakeUpReader()
    this.#wakeUpWriter()
  }

  #failToOpen(code: OutboundCode, errno: number, message: string): void {
    if (this.#outcome !== undefined || this.#isClosed) return
    this.#outcome = errno
    this.#failure = errno
    this.#timer.cancel()
    this.#stop.abort()
    this.#owner.failed(code, this.#to, message)
    this.#wakeUpReader()
    this.#wakeUpWriter()
  }

  /** An open one is over before either side has closed it. */
  #fail(code: OutboundCode, errno: number, message: string): void {
    if (this.#failure !== undefined || this.#isClosed) return
    this.#failure = errno
    this.#kept = NOTHING_YET
    this.#timer.cancel()
    this.#socket?.destroy()
    this.#owner.failed(code, this.#to, message)
    this.#wakeUpReader()
    this.#wakeUpWriter()
  }

  /** Takes what has arrived. */
  #fetch(): void {
    const chunk: unknown = this.#socket?.read()
    if (!(chunk instanceof Uint8Array)) return
    const { mayBeReceived } = this.#owner
    if (chunk.length > mayBeReceived) {
      const message = 'the request has received all that it may'
      this.#fail('OUTBOUND_TOO_MUCH_RECEIVED', Errno.DQUOT, message)
      return
    }
    this.#owner.received(chunk.length)
    this.#kept = chunk
  }

  readonly #moved = (): void => {
    this.#movedMs = this.#clock.nowMs()
  }

  /** Looks at the times when the first of them may be over. */
  #watch(): void {
    const nowMs = this.#clock.nowMs()
    const idleEndMs = this.#movedMs + this.#times.idleMs
    if (nowMs >= this.#endMs) {
      this.#fail('OUTBOUND_TOO_LONG', Errno.TIMEDOUT, 'it has been open for too long')
    } else if (nowMs >= idleEndMs) {
      this.#fail('OUTBOUND_IDLE', Errno.TIMEDOUT, 'nothing came or went for too long')
    } else {
      const leftMs = Math.max(1, Math.min(this.#endMs, idleEndMs) - nowMs)
      this.#timer = this.#clock.after(leftMs, () => this.#watch())
    }
  }

  #go(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#timer.cancel()
    this.#owner.gone()
  }

  #wakeUpReader(): void {
    const wake = this.#wakeReader
    this.#wakeReader = undefined
    wake?.()
  }

  #wakeUpWriter(): void {
    const wake = this.#wakeWriter
    this.#wakeWriter = undefined
    wake?.()
  }
}
