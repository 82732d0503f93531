/** What file systems tell and preview 1 lacks: permissions, owners, room (module `wasm_fpm`: access, chmod, create_mode, fstat, space, stat). */
import { ACCESS_ALL, Access, FILESTAT_BYTES, LONG_FILESTAT_BYTES } from './abi.ts'
import { allowedTo, SELF } from './allowed.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import { descriptorStatCall, storeFilestat } from './fd-stat-calls.ts'
import type { Filestat, Look } from './filesystem.ts'
import { at, look, statCall, there } from './path-calls.ts'
import { Right } from './rights.ts'

/** Neither set-user-ID and its like nor anything else. */
const PERMISSIONS = 0o777

export const MODE_CALLS = {
  /**
   * As the calls of path-calls.ts. What access(2) says, without asking the kernel; links are followed.
   *
   * INVAL: unknown bits. NOENT: nothing there. NOTDIR: a slash behind a file's name. ROFS: to be written, and on a read-only file
   * system. ACCES: its permissions.
   */
  access: (host: CallContext) => (fd: number, path: number, length: number, wanted: number) => {
    host.enter()
    if ((wanted & ~ACCESS_ALL) !== 0) return Errno.INVAL
    return look(host, fd, path, length, 'follow', (seen) => allows(seen, wanted))
  },

  /**
   * As the calls of path-calls.ts. The owner's right to read stays, so that the host can count what is there.
   *
   * NOENT: nothing there. NOTDIR: a slash behind a file's name. ROFS: a read-only file system.
   */
  chmod: (host: CallContext) => (fd: number, path: number, length: number, mode: number) => {
    host.enter()
    const change = there((node) => {
      if (node.kind === 'symlink') return Errno.LOOP
      return node.setMode?.(mode & PERMISSIONS) ?? Errno.SUCCESS
    })
    return at(host, fd, Right.PathFilestatSetTimes, path, length, 'follow', change)
  },

  /** Permissions of what the next `path_open` or `path_create_directory` makes; the process's umask takes none of them away. */
  create_mode: (host: CallContext) => (mode: number) => {
    host.enter()
    host.newMode = mode & PERMISSIONS
    return Errno.SUCCESS
  },

  /** As `fd_filestat_get`, with the longer result of `stat`. */
  fstat: descriptorStatCall(storeLongFilestat),

  /**
   * As the calls of path-calls.ts. How much room there is where a path leads to, links followed, and how much of it is free: bytes of the
   * quota, where there is one, else of the file system, as two u64.
   *
   * NOENT: nothing there. NOTDIR: a slash behind a file's name. NOSYS: nobody can say.
   */
  space: (host: CallContext) => (fd: number, path: number, length: number, result: number) => {
    host.enter()
    const tell = there((node, found) => {
      const folder = node.kind === 'directory' ? node : found.directory
      const space = folder.space?.() ?? Errno.NOSYS
      if (typeof space === 'number') return space
      const errno = host.storeU64(result + 8, BigInt(space.free))
      return errno === Errno.SUCCESS ? host.storeU64(result, BigInt(space.bytes)) : errno
    })
    return at(host, fd, Right.PathFilestatGet, path, length, 'follow', tell)
  },

  /** As `path_filestat_get`, with a longer result. */
  stat: statCall(storeLongFilestat),
}

/**
 * Stores a filestat and what it lacks; FAULT when it does not fit.
 *
 *     | 64 bytes of a filestat | mode u32 | uid u32 | gid u32 | 4 unused |
 */
function storeLongFilestat(host: CallContext, result: number, stat: Filestat): number {
  const at = result >>> 0
  if (!host.has(at, LONG_FILESTAT_BYTES)) return Errno.FAULT
  const { view } = host
  const behind = at + FILESTAT_BYTES
  view.setUint32(behind, stat.mode, true)
  view.setUint32(behind + 4, stat.uid, true)
  view.setUint32(behind + 8, stat.gid, true)
  view.setUint32(behind + 12, 0, true)
  return storeFilestat(host, result, stat)
}

/** SUCCESS or why not. */
function allows({ found, isReadOnly }: Look, wanted: number): number {
  if (typeof found === 'number') return found
  if ((wanted & Access.Write) !== 0 && isReadOnly) return Errno.ROFS
  return (wanted & ~allowedTo(SELF, found)) === 0 ? Errno.SUCCESS : Errno.ACCES
}
