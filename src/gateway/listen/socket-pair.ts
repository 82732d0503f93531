/** Two ends of a connection, both in this process. */
import { Socket } from 'node:net'
import { loadLibc } from '../../base/libc.ts'

/** Whether this process can ask the system for pairs of sockets. */
export function hasSocketPairs(): boolean {
  return loadLibc() !== undefined
}

/** `far` is undefined when the system has none to give: `near` then fails, as one does that cannot connect. */
export function makeSocketPair(): { readonly near: Socket; readonly far: Socket | undefined } {
  const fds = new Int32Array(2)
  if ((loadLibc()?.socketpair(fds) ?? -1) < 0) {
    return { near: new Socket().destroy(new Error('no pair of sockets')), far: undefined }
  }
  return { near: attach(fds[0] ?? -1), far: attach(fds[1] ?? -1) }
}

function attach(fd: number): Socket {
  return new Socket({ fd, allowHalfOpen: true, readable: true, writable: true })
}
