/** Permissions of files, which preview 1 lacks (module `wasm_fpm`: chmod). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import { at } from './path-calls.ts'
import { Right } from './rights.ts'

/** Neither set-user-ID and its like nor anything else. */
const PERMISSIONS = 0o777

export const MODE_CALLS = {
  /**
   * As the calls of path-calls.ts. The owner's own permissions stay, so that the host can read, count and remove what is there.
   *
   * NOENT: nothing there. NOTDIR: a slash behind a file's name. ROFS: a read-only file system.
   */
  chmod: (host: CallContext) => (fd: number, path: number, length: number, mode: number) => {
    host.enter()
    return at(host, fd, Right.PathFilestatSetTimes, path, length, 'follow', (found) => {
      const { node } = found
      if (node === undefined) return Errno.NOENT
      if (found.isMistakenForDirectory) return Errno.NOTDIR
      if (node.kind === 'symlink') return Errno.LOOP
      return node.setMode?.(mode & PERMISSIONS) ?? Errno.SUCCESS
    })
  },
}
