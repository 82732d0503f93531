/**
 * What a connection has to send, on its way to its socket.
 *
 * What the handler of a request writes is sent at the end of the current run of JavaScript, so that the last data and
 * FCGI_END_REQUEST leave in one write. One write of at most `MAX_WRITE_BYTES` is under way at a time. The first of a run goes to the
 * kernel, and needs no stream if it takes all.
 */
import type { Wire } from './wire.ts'

const MAX_WRITE_BYTES = 65_536

/** Where the bytes come from. */
export interface OutputSource {
  /** 0: nothing comes that is not there yet. */
  readonly activeRequests: number
  /** Everything there is, in wire order. */
  takeOutput(): Uint8Array[]
  /** The next `byteCount` bytes of what was taken are the kernel's, or gone. May lead to more output. */
  outputWritten(byteCount: number): void
}

export class SocketOutput {
  readonly #wire: Wire
  readonly #source: OutputSource
  readonly #whenIdle: () => void
  /** Taken and not yet given to the socket, from `#at` on. */
  #queue: Uint8Array[] = []
  #at = 0
  #inFlightBytes = 0
  #isScheduled = false
  #isSealed = false
  #isGone = false
  /** Whether nothing has been written in this run. */
  #isFirst = false
  #writesDone = 0

  /** `whenIdle`: called each time there is nothing left to write. */
  constructor(wire: Wire, source: OutputSource, whenIdle: () => void) {
    this.#wire = wire
    this.#source = source
    this.#whenIdle = whenIdle
  }

  /** Whether something is still to be written, or to be looked for. */
  get isBusy(): boolean {
    return this.#inFlightBytes > 0 || this.#at < this.#queue.length || this.#isScheduled
  }

  /** Whether the socket has bytes that the peer does not take. */
  get isWriting(): boolean {
    return this.#inFlightBytes > 0
  }

  /** Writes done so far: progress. */
  get writesDone(): number {
    return this.#writesDone
  }

  /**
   * Flushes once this run of JavaScript is over, and, while a request is active, all microtasks it leads to: a tick that is asked for by a
   * microtask comes after the last of them. So a guest that is suspended and resumed at once still answers in one write, without
   * the wait that `setImmediate` would add. A tick costs a tenth of a small request.
   */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(this.#scheduleTick)
  }

  /** Nothing more is taken: what was taken is the last, and is written now. */
  seal(): void {
    this.#isSealed = true
    if (!this.#isScheduled) this.#flush()
  }

  /** The socket is gone: what there is, and what comes, is thrown away, so that nobody waits for the peer. */
  discard(): void {
    this.#isGone = true
    this.schedule()
  }

  readonly #scheduleTick = (): void => {
    if (this.#source.activeRequests === 0) this.#run()
    else process.nextTick(this.#run)
  }

  readonly #run = (): void => {
    this.#isScheduled = false
    this.#isFirst = true
    if (this.#isGone) this.#throwAway()
    else this.#flush()
    this.#isFirst = false
  }

  #flush(): void {
    if (this.#inFlightBytes > 0) return
    if (this.#at === this.#queue.length && !this.#isSealed) {
      this.#queue = this.#source.takeOutput()
      this.#at = 0
    }
    if (this.#at < this.#queue.length) this.#writeNext()
    else this.#whenIdle()
  }

  /** Gives the socket its next write: pieces of the queue up to `MAX_WRITE_BYTES`, at least one. */
  #writeNext(): void {
    const { length } = this.#queue
    const start = this.#at
    let [end, bytes] = [start, 0]
    for (; end < length; end += 1) {
      const size = this.#queue[end]?.length ?? 0
      if (end > start && bytes + size > MAX_WRITE_BYTES) break
      bytes += size
    }
    this.#at = end
    this.#inFlightBytes = bytes
    const isAll = start === 0 && end === length
    const pieces = isAll ? this.#queue : this.#queue.slice(start, end)
    if (!this.#isFirst || this.#wire.isQueueing || bytes > MAX_WRITE_BYTES) {
      this.#stream(pieces)
      return
    }
    this.#isFirst = false
    const left = this.#wire.sendNow(pieces)
    if (left.length === 0) this.#written()
    else this.#stream([left])
  }

  #stream(pieces: readonly Uint8Array[]): void {
    const { stream } = this.#wire
    const last = pieces.length - 1
    if (last > 0) stream.cork()
    pieces.forEach((piece, at) => {
      if (at === last) stream.write(piece, this.#written)
      else stream.write(piece)
    })
    if (last > 0) stream.uncork()
  }

  readonly #written = (error?: Error | null): void => {
    const bytes = this.#inFlightBytes
    this.#inFlightBytes = 0
    this.#writesDone += 1
    if (error !== undefined && error !== null) return
    this.#source.outputWritten(bytes)
    if (!this.#isGone) this.#flush()
  }

  #throwAway(): void {
    this.#queue = []
    this.#at = 0
    const inFlight = this.#inFlightBytes
    this.#inFlightBytes = 0
    this.#source.outputWritten(inFlight)
    const parts = this.#source.takeOutput()
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    if (bytes > 0) this.#source.outputWritten(bytes)
  }
}
