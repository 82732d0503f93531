/**
 * What is done with one name in an open directory of the host. On Linux these are system calls on the directory's descriptor
 * (`base/file-calls.ts`); elsewhere steps by path. A link in last place is never followed.
 *
 * All return SUCCESS or an errno unless they say otherwise.
 */
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { loadFileCalls } from '../base/file-calls.ts'
import { fileLimit } from '../base/file-limit.ts'
import { FOLDER_FLAGS, O_PATH } from '../base/open-folder.ts'
import { attempt, done, Errno, errnoOf, errnoOfResult } from './errno.ts'
import type { Filestat, NewTimes } from './filesystem.ts'
import { filestatOf } from './host-stat.ts'
import { secondsOf, timespecsOf } from './host-times.ts'

const NEW_FILE_MODE = 0o666
const NEW_DIRECTORY_MODE = 0o777

export interface HostName {
  /** Descriptor of the directory. */
  readonly directory: number
  readonly name: string
  /** A path that means the same, as long as the directory is open. */
  readonly path: string
}

/** What is there; NOENT: nothing. */
export function statName({ directory, name, path }: HostName): Filestat | number {
  const look = loadFileCalls()?.look
  if (look !== undefined) {
    const status = look.stat(directory, name)
    return typeof status === 'number' ? errnoOfResult(status) : filestatOf(status)
  }
  // Programs look for files that are not there all the time: no exception for that.
  const stats = attempt(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }))
  if (stats === undefined) return Errno.NOENT
  return typeof stats === 'number' ? stats : filestatOf(stats)
}

/** What is open. */
export function statDescriptor(fd: number): Filestat | number {
  const status = loadFileCalls()?.look?.statOpen(fd)
  if (status === undefined) return attempt(() => filestatOf(fstatSync(fd, { bigint: true })))
  return typeof status === 'number' ? errnoOfResult(status) : filestatOf(status)
}

/**
 * Opens the folder that a path without `..` leads to in a directory, if no link is on it, in one system call: a new descriptor, or
 * minus NOENT; undefined: to be found out name by name.
 */
export function openBelow(directory: number, path: string): number | undefined {
  const fd = loadFileCalls()?.look?.openBeneath(directory, path, FOLDER_FLAGS)
  if (fd === undefined) return fd
  if (fd >= 0) return isForGuests(fd) ? fd : undefined
  return errnoOfResult(fd) === Errno.NOENT ? -Errno.NOENT : undefined
}

/** A new descriptor; negative: minus an errno. `mode`: of a file that is made. */
export function openName(
  { directory, name, path }: HostName,
  flags: number,
  mode: number = NEW_FILE_MODE,
): number {
  const calls = loadFileCalls()
  const all = flags | constants.O_NOFOLLOW
  if (calls === undefined) return descriptorOf(() => openSync(path, all, mode))
  const fd = calls.openat(directory, name, all, mode)
  return fd < 0 ? -errnoOfResult(fd) : fd
}

/** As `openName`, for a guest to keep. NFILE: the rest of the descriptors is not for guests; nothing is made then. */
export function openKept(at: HostName, flags: number, mode?: number): number {
  const fd = openName(at, flags, mode)
  if (fd < 0 || isForGuests(fd)) return fd
  if ((flags & constants.O_EXCL) !== 0) unlinkName(at)
  return -Errno.NFILE
}

/**
 * Part of the process's descriptors that guests leave to connections, modules and logs. The system gives the lowest number that is
 * free, so that a number says how many are open.
 */
const LEFT_TO_OTHERS = 1 / 8
const LEAST_LEFT = 64

let mostForGuests: number | undefined

/** One that is not for them is closed. */
function isForGuests(fd: number): boolean {
  if (mostForGuests === undefined) {
    const limit = fileLimit()
    // Of no limit, all; of a low one, half.
    const left = Math.max(limit * LEFT_TO_OTHERS, Math.min(LEAST_LEFT, limit / 2))
    mostForGuests = limit === Number.POSITIVE_INFINITY ? limit : limit - left
  }
  if (fd < mostForGuests) return true
  closeSync(fd)
  return false
}

export function makeDirectory(
  { directory, name, path }: HostName,
  mode: number = NEW_DIRECTORY_MODE,
): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => mkdirSync(path, mode))
  return errnoOfResult(calls.mkdirat(directory, name, mode))
}

export function makeSymlink({ directory, name, path }: HostName, target: string): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => symlinkSync(target, path))
  return errnoOfResult(calls.symlinkat(target, directory, name))
}

/** A link's text; INVAL: not a link. */
export function readLinkName({ directory, name, path }: HostName): string | number {
  const calls = loadFileCalls()
  if (calls === undefined) return attempt(() => readlinkSync(path))
  const text = calls.readlinkat(directory, name)
  return typeof text === 'number' ? errnoOfResult(text) : Buffer.from(text).toString()
}

export function linkName(from: HostName, to: HostName): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => linkSync(from.path, to.path))
  return errnoOfResult(calls.linkat(from.directory, from.name, to.directory, to.name))
}

export function unlinkName({ directory, name, path }: HostName): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => unlinkSync(path))
  return errnoOfResult(calls.unlinkat(directory, name, false))
}

export function removeDirectoryName({ directory, name, path }: HostName): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => rmdirSync(path))
  return errnoOfResult(calls.unlinkat(directory, name, true))
}

export function renameName(from: HostName, to: HostName): number {
  const calls = loadFileCalls()
  if (calls === undefined) return done(() => renameSync(from.path, to.path))
  return errnoOfResult(calls.renameat(from.directory, from.name, to.directory, to.name))
}

/** Of an open file or folder, also one that is open for going through it only. NOTSUP: a link, or not on Linux. */
export function setDescriptorMode(fd: number, mode: number): number {
  const calls = loadFileCalls()
  if (calls === undefined) return Errno.NOTSUP
  return errnoOfResult(calls.fchmodat(fd, `/proc/self/fd/${fd}`, mode))
}

/** A link in last place is not followed. */
export function setNameMode(at: HostName, mode: number): number {
  const fd = openName(at, O_PATH)
  if (fd < 0) return -fd
  const errno = setDescriptorMode(fd, mode)
  closeSync(fd)
  return errno
}

/** To the nanosecond on Linux. */
export function setNameTimes({ directory, name, path }: HostName, times: NewTimes): number {
  const calls = loadFileCalls()
  if (calls !== undefined) {
    return errnoOfResult(calls.utimensat(directory, name, timespecsOf(times)))
  }
  return done(() => lutimesSync(path, ...secondsOf(times, lstatSync(path, { bigint: true }))))
}

function descriptorOf(open: () => number): number {
  try {
    return open()
  } catch (error) {
    return -errnoOf(error)
  }
}
