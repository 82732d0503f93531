/**
 * Open sockets on their way from one process to another. Node can send a `net.Socket`, but the receiver starts to read it
 * at once; here it must pass through the master unread. So what is sent is the handle below it, as Node's own cluster
 * module does.
 */
import type { SendHandle } from 'node:child_process'
import { Socket } from 'node:net'

/** An open socket that nobody reads. */
export interface RawSocket {
  close(): void
}

interface Handle extends RawSocket {
  readStop(): void
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

/** The socket around what came with a message. */
export function attach(raw: RawSocket): Socket {
  return new Socket({ handle: raw, allowHalfOpen: true } as unknown as ConstructorParameters<
    typeof Socket
  >[0])
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
