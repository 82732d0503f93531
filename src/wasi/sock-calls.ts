/** Sockets (preview 1: sock_accept, sock_recv, sock_send, sock_shutdown): guests have none. */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** BADF: not open. NOTSOCK: open, but nothing here is a socket. */
function refuse(host: CallContext, fd: number): number {
  host.enter()
  return host.descriptors.get(fd) === undefined ? Errno.BADF : Errno.NOTSOCK
}

export const SOCK_CALLS = {
  /** BADF, NOTSOCK. */
  sock_accept: (host: CallContext) => (fd: number, _flags: number, _result: number) =>
    refuse(host, fd),
  /** BADF, NOTSOCK. */
  sock_recv:
    (host: CallContext) =>
    (fd: number, _iovs: number, _count: number, _flags: number, _read: number, _out: number) =>
      refuse(host, fd),
  /** BADF, NOTSOCK. */
  sock_send:
    (host: CallContext) =>
    (fd: number, _iovs: number, _count: number, _flags: number, _written: number) =>
      refuse(host, fd),
  /** BADF, NOTSOCK. */
  sock_shutdown: (host: CallContext) => (fd: number, _how: number) => refuse(host, fd),
}
