/**
 * Open sockets without a stream: the handles below `net.Socket`. Nobody reads them, so they can pass through another process unread, as
 * in Node's own cluster module; and a connection that is answered at once never needs the stream, which takes longer than a small answer.
 */
import type { SendHandle } from 'node:child_process'
import { type Server, Socket } from 'node:net'
import { slabCopy } from './slab-copy.ts'

/** An open socket that nobody reads. */
export interface RawSocket {
  close(): void
}

/** One that has just come in. */
export interface Accepted extends RawSocket {
  /** Its descriptor. */
  readonly fd: number
}

interface Handle extends RawSocket {
  readStop(): void
}

/** A listening one; called with 0, or what has gone wrong instead. */
interface ListeningHandle {
  onconnection?: (this: ListeningHandle, status: number, accepted: Accepted | undefined) => void
}

/** The descriptor of an open socket, to be asked each time: one that is closed gives its number to the next one at once. -1: it has none. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { fd?: number } | null }
  return handle?.fd ?? -1
}

/** The descriptor of a server that listens; -1: it has none. */
export function listeningDescriptorOf(server: Server): number {
  const { _handle: handle } = server as unknown as { readonly _handle: { fd?: number } | null }
  return handle?.fd ?? -1
}

/** Takes the open socket out of `socket`, which is destroyed; undefined: it has none any more. */
export function detach(socket: Socket): RawSocket | undefined {
  const holder = socket as unknown as { _handle: Handle | null }
  const handle = holder._handle
  if (handle === null) return undefined
  handle.readStop()
  holder._handle = null
  socket.destroy()
  return handle
}

/** The stream around it, which starts to read. */
export function attach(raw: RawSocket): Socket {
  return socketOf({ handle: raw, allowHalfOpen: true })
}

/** What has come, until it is copied. */
const ROOM = Buffer.allocUnsafeSlow(65_536)

/**
 * The stream around it, which starts to read with `read(0)` and gives what comes to `receive`, instead of events: Node would take 64 KiB
 * for each look at the socket, and keep what has come in a queue, which costs as much as a small request does otherwise.
 */
export function attachReader(raw: RawSocket, receive: (bytes: Uint8Array) => void): Socket {
  const callback = (count: number): boolean => {
    receive(slabCopy(ROOM, count))
    return true
  }
  const onread = { buffer: ROOM, callback }
  return socketOf({ handle: raw, allowHalfOpen: true, pauseOnCreate: true, onread })
}

/** Two of the options are not in Node's documentation: `handle` and `pauseOnCreate`. */
function socketOf(options: object): Socket {
  return new Socket(options as ConstructorParameters<typeof Socket>[0])
}

/** Gives what `server` accepts to `take`, and makes no stream for it, until it listens anew. Call it while it listens. */
export function acceptRaw(server: Server, take: (accepted: Accepted) => void): void {
  const { _handle: handle } = server as unknown as { readonly _handle: ListeningHandle | null }
  const withStream = handle?.onconnection
  // Another Node: 'connection' goes on to tell.
  if (handle === null || withStream === undefined) return
  handle.onconnection = function (status, accepted) {
    if (status === 0 && accepted !== undefined) take(accepted)
    else withStream.call(this, status, accepted)
  }
}

/** What came with a message, if it is a socket. */
export function asRawSocket(value: unknown): RawSocket | undefined {
  const isHandle =
    typeof value === 'object' && value !== null && 'readStop' in value && 'close' in value
  return isHandle ? (value as RawSocket) : undefined
}

/** As `send` of a process or a child takes it. */
export function asSendHandle(raw: RawSocket): SendHandle {
  return raw as unknown as SendHandle
}
