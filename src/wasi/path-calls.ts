/**
 * Names in directories (preview 1: the path_* calls but path_open).
 *
 * All of them return, besides what their own comment lists:
 *
 * - BADF, NOTDIR: a directory descriptor is not open, or not a directory
 * - NOTCAPABLE: it lacks the right, or the path leads out of it
 * - FAULT, NAMETOOLONG, INVAL, ILSEQ: the path cannot be read (see read-path.ts)
 * - NOENT, NOTDIR, LOOP, ACCES: the way there is missing, not made of directories, endless or closed
 * - ROFS: the file system is read-only; NOSPC, DQUOT, MLINK: it is full (only calls that change something)
 */
import { SYMLINK_FOLLOW } from './abi.ts'
import { type CallContext, FILE_WORK } from './call-context.ts'
import { FIRST_PREOPEN } from './descriptor-table.ts'
import { Errno } from './errno.ts'
import { storeFilestat } from './fd-stat-calls.ts'
import type { DirectoryNode, Filestat, Look, Node } from './filesystem.ts'
import { lookAt, nothingAt } from './look-memory.ts'
import { placeOf } from './mount-tree.ts'
import { newTimes } from './new-times.ts'
import { readPath } from './read-path.ts'
import { type LastLink, resolve } from './resolve.ts'
import type { Resolved } from './resolved.ts'
import { Right } from './rights.ts'

const encoder = new TextEncoder()

/** What it takes to look at one entry of a directory that is moved. */
const MOVE_WORK = 50

/** A call that stores what is at a path by `store`. NOENT: nothing there. */
export function statCall(store: (host: CallContext, result: number, stat: Filestat) => number) {
  return (host: CallContext) =>
    (fd: number, flags: number, path: number, length: number, result: number): number => {
      host.enter()
      return look(host, fd, path, length, lastLink(flags), ({ found, isDirectory }, name) => {
        if (typeof found === 'number') return found
        // As it is asked about by who is going to open it by the path without links.
        const isToBeOpened = (flags & SYMLINK_FOLLOW) === 0 && !isDirectory
        if (isToBeOpened && fd === FIRST_PREOPEN) host.grants.onFile?.(name)
        return store(host, result, found)
      })
    }
}

export const PATH_CALLS = {
  /** EXIST: something is there. */
  path_create_directory: (host: CallContext) => (fd: number, path: number, length: number) => {
    host.enter()
    const permissions = host.takeNewMode()
    return at(host, fd, Right.PathCreateDirectory, path, length, 'entry', (found) =>
      found.node === undefined
        ? changed(host, found.directory.createDirectory(found.name, permissions))
        : Errno.EXIST,
    )
  },

  /** NOENT: nothing there. */
  path_filestat_get: statCall(storeFilestat),

  /** NOENT: nothing there. INVAL: contradicting or unknown flags. */
  path_filestat_set_times:
    (host: CallContext) =>
    (
      fd: number,
      flags: number,
      path: number,
      length: number,
      atim: bigint,
      mtim: bigint,
      fstflags: number,
    ) => {
      host.enter()
      return at(host, fd, Right.PathFilestatSetTimes, path, length, lastLink(flags), (found) => {
        const times = newTimes(host, atim, mtim, fstflags)
        if (typeof times === 'number') return times
        if (found.node === undefined) return Errno.NOENT
        return found.isMistakenForDirectory ? Errno.NOTDIR : found.node.setTimes(times)
      })
    },

  /** INVAL: links are not followed here. NOENT: no source. PERM: the source is a directory. EXIST: the name is taken. XDEV: another file system. */
  path_link:
    (host: CallContext) =>
    (
      oldFd: number,
      oldFlags: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) => {
      host.enter()
      if ((oldFlags & SYMLINK_FOLLOW) !== 0) return Errno.INVAL
      return at(host, oldFd, Right.PathLinkSource, oldPath, oldLength, 'stop', (from) => {
        if (from.node === undefined) return Errno.NOENT
        if (from.node.kind === 'directory') return Errno.PERM
        if (from.isMistakenForDirectory) return Errno.NOTDIR
        return at(host, newFd, Right.PathLinkTarget, newPath, newLength, 'entry', (to) => {
          if (to.node !== undefined) return Errno.EXIST
          if (to.mustBeDirectory) return Errno.NOENT
          const place = placeOf(to.directory, to.name)
          const source = placeOf(from.directory, from.name)
          if (typeof place === 'number') return place
          return typeof source === 'number' ? source : place.link(to.name, source, from.name)
        })
      })
    },

  /** Cuts the link's text off at the buffer's end. NOENT: nothing there. INVAL: not a symbolic link. NOTDIR: a slash behind a file's name. */
  path_readlink:
    (host: CallContext) =>
    (
      fd: number,
      path: number,
      length: number,
      buffer: number,
      bufferLength: number,
      result: number,
    ) => {
      host.enter()
      const read = there((node) => {
        if (node.kind !== 'symlink') return Errno.INVAL
        if (!host.has(buffer >>> 0, bufferLength >>> 0)) return Errno.FAULT
        if (!host.has(result >>> 0, 4)) return Errno.FAULT
        const target = node.readLink()
        if (typeof target === 'number') return target
        const shown = encoder.encode(target).subarray(0, bufferLength >>> 0)
        host.bytes.set(shown, buffer >>> 0)
        return host.storeU32(result, shown.length)
      })
      return at(host, fd, Right.PathReadlink, path, length, 'stop', read)
    },

  /** NOENT: nothing there. NOTDIR: not a directory. NOTEMPTY: not empty, or `..`. INVAL: `.`. */
  path_remove_directory: (host: CallContext) => (fd: number, path: number, length: number) => {
    host.enter()
    return at(host, fd, Right.PathRemoveDirectory, path, length, 'entry', (found) => {
      if (found.name === '.') return Errno.INVAL
      if (found.name === '..') return Errno.NOTEMPTY
      if (found.node === undefined) return Errno.NOENT
      if (found.node.kind !== 'directory') return Errno.NOTDIR
      return changed(host, found.directory.removeDirectory(found.name))
    })
  },

  /**
   * Replaces what is at the new name: a file by a file, an empty directory by a directory.
   *
   * - NOENT: nothing at the old name
   * - ISDIR, NOTDIR, NOTEMPTY: what is at the new name cannot be replaced by this; NOTDIR: a slash behind a file's name
   * - INVAL: a directory into itself. BUSY: `.`, `..` or a mount point. XDEV: another file system
   */
  path_rename:
    (host: CallContext) =>
    (
      oldFd: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) => {
      host.enter()
      return at(host, oldFd, Right.PathRenameSource, oldPath, oldLength, 'entry', (from) => {
        if (from.isDots) return Errno.BUSY
        if (from.node === undefined) return Errno.NOENT
        if (from.isMistakenForDirectory) return Errno.NOTDIR
        const isDirectory = from.node.kind === 'directory'
        if (from.node.kind === 'directory') host.charge(from.node.weight * MOVE_WORK)
        return at(host, newFd, Right.PathRenameTarget, newPath, newLength, 'entry', (to) => {
          if (to.isDots) return Errno.BUSY
          if (to.mustBeDirectory && !isDirectory) return Errno.NOTDIR
          if (to.isMistakenForDirectory) return Errno.NOTDIR
          const source = placeOf(from.directory, from.name)
          const place = placeOf(to.directory, to.name)
          if (typeof source === 'number') return source
          if (typeof place === 'number') return place
          const errno = source.rename(from.name, place, to.name)
          return leads(from.node) || leads(to.node) ? changed(host, errno) : errno
        })
      })
    },

  /** EXIST: the name is taken. NOTCAPABLE: also an absolute target, where such lead nowhere. NOENT: an empty target, or a slash behind the name. */
  path_symlink:
    (host: CallContext) =>
    (target: number, targetLength: number, fd: number, path: number, length: number) => {
      host.enter()
      const read = readPath(host, target, targetLength)
      if (typeof read === 'number') return read
      const { text } = read
      if (text === '') return Errno.NOENT
      return at(host, fd, Right.PathSymlink, path, length, 'entry', (found) => {
        if (found.node !== undefined) return Errno.EXIST
        if (found.mustBeDirectory) return Errno.NOENT
        if (text.startsWith('/') && host.whole === undefined) return Errno.NOTCAPABLE
        return changed(host, found.directory.createSymlink(found.name, text))
      })
    },

  /** NOENT: nothing there. ISDIR: a directory. NOTDIR: a slash behind a file's name. */
  path_unlink_file: (host: CallContext) => (fd: number, path: number, length: number) => {
    host.enter()
    return at(host, fd, Right.PathUnlinkFile, path, length, 'entry', (found) => {
      if (found.node === undefined) return Errno.NOENT
      if (found.node.kind === 'directory') return Errno.ISDIR
      if (found.mustBeDirectory) return Errno.NOTDIR
      const errno = found.directory.unlinkFile(found.name)
      return leads(found.node) ? changed(host, errno) : errno
    })
  },
}

/** Whether a path can lead through it. */
function leads(node: Node | undefined): boolean {
  return node !== undefined && node.kind !== 'file'
}

/** A call has changed where paths lead, or tried to. */
function changed(host: CallContext, errno: number): number {
  host.ways.clear()
  return errno
}

function lastLink(flags: number): 'follow' | 'stop' {
  return (flags & SYMLINK_FOLLOW) === 0 ? 'stop' : 'follow'
}

/** The directory that is open at a descriptor, for a call with this right; or BADF, NOTDIR, NOTCAPABLE. */
function directoryAt(host: CallContext, fd: number, right: number): DirectoryNode | number {
  const descriptor = host.descriptors.get(fd)
  if (descriptor === undefined) return Errno.BADF
  if (descriptor.open.kind !== 'directory') return Errno.NOTDIR
  return (descriptor.rights & right) === 0 ? Errno.NOTCAPABLE : descriptor.open.node
}

/** Looks at what is at a path below a directory descriptor, or is told by who has looked lately. */
export function look(
  host: CallContext,
  fd: number,
  path: number,
  length: number,
  last: 'follow' | 'stop',
  act: (look: Look, path: string) => number,
): number {
  const start = directoryAt(host, fd, Right.PathFilestatGet)
  if (typeof start === 'number') return start
  const given = readPath(host, path, length)
  if (typeof given === 'number') return given
  const { looks } = start
  const { clock } = host.grants
  const follows = last === 'follow'
  const known = looks?.get(given.text, follows, clock.nowMs())
  if (known !== undefined) return act(known, given.text)
  const found = resolve(host, start, given, last)
  const untilMs = host.believedUntilMs
  host.charge(FILE_WORK)
  const isNothing = found === Errno.NOENT
  const seen = isNothing
    ? nothingAt(untilMs)
    : typeof found === 'number'
      ? found
      : lookAt(found, untilMs)
  if (typeof found === 'object') found.release()
  if (typeof seen === 'number') return seen
  if (untilMs < Infinity && clock.nowMs() < untilMs) looks?.keep(given.text, follows, seen, clock)
  return act(seen, given.text)
}

/** For `at`: with what is there. NOENT: nothing. NOTDIR: a slash behind a file's name. */
export function there(act: (node: Node, found: Resolved) => number) {
  return (found: Resolved): number => {
    if (found.node === undefined) return Errno.NOENT
    return found.isMistakenForDirectory ? Errno.NOTDIR : act(found.node, found)
  }
}

/** Resolves a path below a directory descriptor and does something there. */
export function at(
  host: CallContext,
  fd: number,
  right: number,
  path: number,
  length: number,
  last: LastLink,
  act: (found: Resolved, path: string) => number,
): number {
  const start = directoryAt(host, fd, right)
  if (typeof start === 'number') return start
  const given = readPath(host, path, length)
  if (typeof given === 'number') return given
  const isLook = right === Right.PathReadlink || right === Right.PathFilestatGet
  // Whether something is there that is to be made, or removed, is asked now.
  if (!isLook) host.ways.forget()
  const found = resolve(host, start, given, last)
  if (typeof found === 'number') return found
  host.charge(FILE_WORK)
  const errno = act(found, given.text)
  if (!isLook) host.ways.forget()
  found.release()
  return errno
}
