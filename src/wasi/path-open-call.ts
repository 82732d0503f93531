/** Opening (preview 1: path_open). */
import { FDFLAGS_ALL, OFLAGS_ALL, Oflags, SYMLINK_FOLLOW } from './abi.ts'
import { type CallContext, CONNECT_WORK, FILE_WORK } from './call-context.ts'
import { Descriptor, type OpenThing } from './descriptor.ts'
import { FIRST_PREOPEN } from './descriptor-table.ts'
import { Errno } from './errno.ts'
import type { OpenFile, Opening, OpenMode, OpenStream, StandardStream } from './filesystem.ts'
import { readPath } from './read-path.ts'
import { resolve } from './resolve.ts'
import type { Resolved } from './resolved.ts'
import { knownRights, Right, WRITING_RIGHTS } from './rights.ts'

/** How often a file that others make and remove at the same time is looked for. */
const MAX_TRIES = 16

export const PATH_OPEN_CALL = {
  /**
   * - BADF, NOTDIR: `fd` is not an open directory
   * - NOTCAPABLE: the directory has not the rights to open, to create (CREAT), to truncate (TRUNC) or to hand on what
   *   is asked for; or the path leads out of the directory
   * - INVAL: unknown flags, CREAT together with DIRECTORY, or a path with a NUL
   * - MFILE: `limits.openFiles` are open. NFILE: the process has no more files for guests
   * - FAULT, NAMETOOLONG, ILSEQ: the path cannot be read, or the result does not fit
   * - NOENT: nothing there, and no CREAT. EXIST: something there, and CREAT with EXCL
   * - LOOP: a symbolic link that is not to be followed, or too many of them
   * - ISDIR: a directory is to be created, truncated or written. NOTDIR: DIRECTORY or a slash at the end of a file's path
   * - ROFS: a file on a read-only file system is to be created, truncated or written
   * - ACCES, NOSPC, DQUOT, MLINK: what the file system says
   * - CONNREFUSED, TIMEDOUT, AGAIN and others: what becomes of a connection, for which the guest waits
   */
  path_open:
    (host: CallContext) =>
    (
      fd: number,
      lookupflags: number,
      path: number,
      pathLength: number,
      oflags: number,
      base: bigint,
      inheriting: bigint,
      fdflags: number,
      result: number,
    ) => {
      host.enter()
      const permissions = host.takeNewMode()
      const parent = host.descriptors.get(fd)
      if (parent === undefined) return Errno.BADF
      if (parent.open.kind !== 'directory') return Errno.NOTDIR
      const rights = knownRights(base)
      const inherited = knownRights(inheriting)
      let needed: number = Right.PathOpen
      if ((oflags & Oflags.Creat) !== 0) needed |= Right.PathCreateFile
      if ((oflags & Oflags.Trunc) !== 0) needed |= Right.PathFilestatSetSize
      if ((needed & ~parent.rights) !== 0) return Errno.NOTCAPABLE
      if (((rights | inherited) & ~parent.inheriting) !== 0) return Errno.NOTCAPABLE
      if ((oflags & ~OFLAGS_ALL) !== 0 || (fdflags & ~FDFLAGS_ALL) !== 0) return Errno.INVAL
      if ((oflags & Oflags.Creat) !== 0 && (oflags & Oflags.Directory) !== 0) return Errno.INVAL
      const given = readPath(host, path, pathLength)
      if (typeof given === 'number') return given
      const name = given.text
      if (!host.has(result >>> 0, 4)) return Errno.FAULT
      if (host.descriptors.isFull) return Errno.MFILE
      const isExclusive = (oflags & Oflags.Creat) !== 0 && (oflags & Oflags.Excl) !== 0
      const follows = (lookupflags & SYMLINK_FOLLOW) !== 0 && !isExclusive
      // A name with a slash behind it is never made into a file, whatever is there.
      const isNoFile = (oflags & Oflags.Creat) !== 0 && name.endsWith('/')
      const lastLink = isNoFile ? 'entry' : follows ? 'follow' : 'stop'
      const mode: OpenMode = {
        read: (rights & Right.FdRead) !== 0,
        write: (rights & Right.FdWrite) !== 0,
        truncate: (oflags & Oflags.Trunc) !== 0,
        permissions,
      }
      const changes = (oflags & (Oflags.Creat | Oflags.Trunc)) !== 0
      let open: OpenThing | number = Errno.NOENT
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        if (tries > 0) host.ways.clear()
        else if (changes) host.ways.forget()
        const resolved = resolve(host, parent.open.node, given, lastLink)
        if (typeof resolved === 'number') return resolved
        host.charge(FILE_WORK)
        open = openResolved(host, resolved, oflags, mode)
        resolved.release()
        if (changes) host.ways.forget()
        if (isExclusive || !hasChanged(open, resolved)) break
      }
      if (typeof open === 'number') return open
      if (fd === FIRST_PREOPEN && open.kind === 'file' && mode.read) host.grants.onFile?.(name)
      const kept = mode.write ? rights : rights & ~WRITING_RIGHTS
      const descriptor = new Descriptor(open, kept, { inheriting: inherited, fdflags })
      const opened = host.descriptors.add(descriptor)
      if (open.kind === 'stream' && open.opening !== undefined) {
        return whenOpen(host, open.opening, opened, result)
      }
      return host.storeU32(result, opened)
    },
}

/** Whether another process has made or removed the file since it was looked for. */
function hasChanged(open: OpenThing | number, { node }: Resolved): boolean {
  return open === (node === undefined ? Errno.EXIST : Errno.NOENT)
}

function openResolved(
  host: CallContext,
  resolved: Resolved,
  oflags: number,
  mode: OpenMode,
): OpenThing | number {
  const { directory, name, node, mustBeDirectory } = resolved
  const creates = (oflags & Oflags.Creat) !== 0
  const wantsDirectory = (oflags & Oflags.Directory) !== 0
  if (creates && mustBeDirectory && !resolved.isDots) return Errno.ISDIR
  if (node === undefined) {
    return creates ? openThing(host, directory.createFile(name, mode)) : Errno.NOENT
  }
  if (creates && (oflags & Oflags.Excl) !== 0) return Errno.EXIST
  if (node.kind === 'directory') {
    if (creates || mode.write || mode.truncate) return Errno.ISDIR
    const errno = node.open?.() ?? Errno.SUCCESS
    if (errno !== Errno.SUCCESS) return errno
    node.retain()
    return { kind: 'directory', node }
  }
  if (wantsDirectory || mustBeDirectory) return Errno.NOTDIR
  return node.kind === 'symlink' ? Errno.LOOP : openThing(host, node.open(mode))
}

function openThing(
  host: CallContext,
  opened: OpenFile | OpenStream | StandardStream | number,
): OpenThing | number {
  if (typeof opened === 'number' || opened.kind !== 'standard') return opened
  return host.standard[opened.stream] ?? Errno.NXIO
}

/** It has its descriptor already: whatever ends the session closes it, too. */
function whenOpen(
  host: CallContext,
  opening: Opening,
  fd: number,
  result: number,
): number | Promise<number> {
  host.charge(CONNECT_WORK)
  const proceed = (): number | undefined => {
    const errno = opening.outcome()
    if (errno === Errno.SUCCESS) return host.storeU32(result, fd)
    if (errno !== undefined) host.descriptors.close(fd)
    return errno
  }
  return proceed() ?? host.wait((wake) => opening.onOutcome(wake), proceed)
}
