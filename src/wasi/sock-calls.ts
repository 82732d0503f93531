/** Sockets (preview 1: sock_accept, sock_recv, sock_send, sock_shutdown): those that guests open by name. */
import { Filetype, SDFLAGS_ALL, Sdflags } from './abi.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** BADF: not open. NOTSOCK: open, and no socket, or not in this way. */
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
  /**
   * Of a connection: nothing more is sent. Whoever reads no more closes it.
   *
   * BADF: not open. NOTSOCK: no connection. INVAL: neither of the two sides, or one that does not exist.
   */
  sock_shutdown: (host: CallContext) => (fd: number, how: number) => {
    const open = host.descriptors.get(fd)?.open
    if (open?.kind !== 'stream' || open.filetype !== Filetype.SocketStream) return refuse(host, fd)
    host.enter()
    if (how === 0 || (how & ~SDFLAGS_ALL) !== 0) return Errno.INVAL
    if ((how & Sdflags.Write) !== 0) open.sink?.end()
    return Errno.SUCCESS
  },
}
