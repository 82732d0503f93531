/** Descriptors themselves (preview 1: fd_close, fd_renumber, fd_prestat_get, fd_prestat_dir_name). */
import { type CallContext, FILE_WORK } from './call-context.ts'
import { Errno } from './errno.ts'

export const FD_TABLE_CALLS = {
  /**
   * BADF: not open. Closing the last descriptor of the granted stdout ends that stream, so that its reader can go on
   * while the guest does other work; closing stdin or stderr ends it for the guest only.
   */
  fd_close: (host: CallContext) => (fd: number) => {
    host.enter()
    host.charge(FILE_WORK)
    const open = host.descriptors.get(fd)?.open
    const errno = host.descriptors.close(fd)
    const isStdout = open !== undefined && open === host.standard[1]
    if (isStdout && !host.descriptors.holds(open)) host.grants.stdout.end()
    return errno
  },

  /** BADF: one of the two is not open. */
  fd_renumber: (host: CallContext) => (from: number, to: number) => {
    host.enter()
    host.charge(FILE_WORK)
    return host.descriptors.renumber(from, to)
  },

  /**
   * BADF: not open, or not a preopen, which is how a guest finds the end of them. FAULT: the result does not fit.
   *
   *     | tag u8 = 0 (dir) | 3 unused | name length u32 |
   */
  fd_prestat_get: (host: CallContext) => (fd: number, result: number) => {
    host.enter()
    const name = host.descriptors.get(fd)?.preopenName
    if (name === undefined) return Errno.BADF
    const at = result >>> 0
    if (!host.has(at, 8)) return Errno.FAULT
    host.view.setUint32(at, 0, true)
    host.view.setUint32(at + 4, name.length, true)
    return Errno.SUCCESS
  },

  /** BADF: not open or not a preopen. NAMETOOLONG: the name is longer than the buffer. FAULT: the name does not fit into memory. */
  fd_prestat_dir_name: (host: CallContext) => (fd: number, buffer: number, length: number) => {
    host.enter()
    const name = host.descriptors.get(fd)?.preopenName
    if (name === undefined) return Errno.BADF
    if (length >>> 0 < name.length) return Errno.NAMETOOLONG
    if (!host.has(buffer >>> 0, name.length)) return Errno.FAULT
    host.bytes.set(Buffer.from(name, 'latin1'), buffer >>> 0)
    return Errno.SUCCESS
  },
}
