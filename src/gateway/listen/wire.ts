/**
 * The two directions of a connection. Mostly a connection carries one request, which has come with it, and ends with the answer: the
 * kernel takes and gives that at once. So the stream, which costs more than a small request, is made when something has to be waited for.
 */
import { Socket } from 'node:net'
import { type Libc, loadLibc } from '../../base/libc.ts'
import { type Accepted, attachReader, descriptorOf } from '../../base/raw-socket.ts'
import { slabCopy } from '../../base/slab-copy.ts'

const ROOM_BYTES = 65_536
/** What has come, and what goes, in between. */
const ROOM = Buffer.allocUnsafeSlow(ROOM_BYTES)
/** Where it lies, as long as there is this process. */
let roomAddress: bigint | undefined
/** A smaller piece is copied in less time than it takes to find out where it lies. */
const LARGE_PIECE_BYTES = 4096

const NOTHING = new Uint8Array(0)

export interface WireEvents {
  /** There is a stream; called once. */
  readonly opened: (stream: Socket) => void
  /** Something has come, from `read` on. */
  readonly received: (bytes: Uint8Array) => void
}

export class Wire {
  readonly #events: WireEvents
  #raw: Accepted | undefined
  #stream: Socket | undefined
  /** Whether the stream gives what comes to `received` by itself. */
  #isReader = false
  #sentBytes = 0

  constructor(open: Socket | Accepted, events: WireEvents) {
    this.#events = events
    if (open instanceof Socket) {
      this.#stream = open
      events.opened(open)
    } else this.#raw = open
  }

  get hasStream(): boolean {
    return this.#stream !== undefined
  }

  /** Made now, if there is none. Not after `close`. */
  get stream(): Socket {
    if (this.#stream === undefined) {
      if (this.#raw === undefined) throw new Error('Cannot use a connection: it is closed')
      this.#stream = attachReader(this.#raw, this.#events.received)
      this.#raw = undefined
      this.#isReader = true
      this.#events.opened(this.#stream)
    }
    return this.#stream
  }

  /** Bytes that the stream has read. */
  get bytesRead(): number {
    return this.#stream?.bytesRead ?? 0
  }

  get bytesWritten(): number {
    return this.#sentBytes + (this.#stream?.bytesWritten ?? 0)
  }

  /** Whether the stream has read something that nobody has had yet. */
  get holdsInput(): boolean {
    return (this.#stream?.readableLength ?? 0) > 0
  }

  /** Begins to read from the stream. */
  read(): void {
    const { stream } = this
    if (this.#isReader) stream.read(0)
    else stream.on('data', this.#events.received)
  }

  /** Whether what is sent now would come before something that the stream still has to send, or has ended. */
  get isQueueing(): boolean {
    const stream = this.#stream
    return stream !== undefined && (stream.writableLength > 0 || !stream.writable)
  }

  /** What has come by now, as far as it can be told; to be called before the stream reads. */
  receiveNow(): Uint8Array | undefined {
    const count = loadLibc()?.read(this.descriptor, ROOM) ?? -1
    return count > 0 ? slabCopy(ROOM, count) : undefined
  }

  /** Sends what the kernel takes at once of pieces of at most 64 KiB, and returns what is left. */
  sendNow(pieces: readonly Uint8Array[]): Uint8Array {
    const [first = NOTHING] = pieces
    const from = pieces.length === 1 && first.length > LARGE_PIECE_BYTES ? first : ROOM
    const bytes = from === ROOM ? gather(pieces) : first.length
    const libc = loadLibc()
    const taken = Math.max(libc?.writeFrom(this.descriptor, addressIn(libc, from), bytes) ?? 0, 0)
    this.#sentBytes += taken
    return taken === bytes ? NOTHING : Buffer.from(from.subarray(taken, bytes))
  }

  /** Closes both directions at once, without a word. Without a stream, nobody is told. */
  close(): void {
    this.#raw?.close()
    this.#raw = undefined
    this.#stream?.destroy()
  }

  /**
   * Whether a peer that has ended its bytes reads ours no more. A unix socket tells: whoever has closed it altogether has hung up. Over
   * TCP a close and a half-close look alike until something is sent, so there a peer is taken to read on until a reset says otherwise.
   */
  get isPeerGone(): boolean {
    const fd = this.descriptor
    return fd >= 0 && (loadLibc()?.hasHungUp(fd) ?? false)
  }

  /** -1: it has none (any more). */
  get descriptor(): number {
    if (this.#raw !== undefined) return this.#raw.fd
    return this.#stream === undefined ? -1 : descriptorOf(this.#stream)
  }
}

function addressIn(libc: Libc, bytes: Uint8Array): bigint {
  if (bytes !== ROOM) return libc.addressOf(bytes.buffer as ArrayBuffer) + BigInt(bytes.byteOffset)
  roomAddress ??= libc.addressOf(ROOM.buffer)
  return roomAddress
}

/** Puts them together at the beginning of `ROOM`. Returns how many bytes they are. */
function gather(pieces: readonly Uint8Array[]): number {
  let bytes = 0
  for (const piece of pieces) {
    ROOM.set(piece, bytes)
    bytes += piece.length
  }
  return bytes
}
