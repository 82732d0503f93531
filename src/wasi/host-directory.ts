/**
 * A granted directory of the host.
 *
 * A guest's path is walked one component at a time (resolve.ts), and each step starts at the open descriptor of the
 * directory before: on Linux by the path `/proc/self/fd/N/name`, which the kernel resolves at that very directory
 * whatever others rename meanwhile. No step follows a link. Where there is no /proc the steps are plain paths, checked
 * but not safe against somebody who swaps directories for links at the same time.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { Filetype } from './abi.ts'
import { attempt, done, Errno } from './errno.ts'
import { WasiError } from './errors.ts'
import type {
  DirectoryEntry,
  DirectoryNode,
  FileNode,
  Filestat,
  NewTimes,
  Node,
  OpenFile,
  OpenMode,
  SymlinkNode,
} from './filesystem.ts'
import { filestatOf, filetypeOf, openHostFile } from './host-file.ts'
import { setHostTimes } from './host-times.ts'

const HAS_PROC = process.platform === 'linux'
/** Opens a directory for walking through it only; not among Node's constants. */
const O_PATH = HAS_PROC ? 0o10_000_000 : 0

/** Most entries a guest may list. */
const MAX_ENTRIES = 65_536

/** How files are opened and whether anything may be changed; the same all over a tree. */
export interface HostTree {
  readonly writable: boolean
  /** Opens a regular file for reading in a tree that is not writable. `stats`: as it was when it was looked up. */
  readonly openToRead?: (path: string, stats: BigIntStats) => OpenFile | number
}

/** Opens a directory to grant. Give it back with `release()`. Throws WASI_BAD_DIRECTORY. */
export function openHostDirectory(path: string, tree: HostTree): DirectoryNode {
  // The grant itself may be reached through links: whoever grants it knows what they mean.
  const directory = openDirectory(path, tree, 0)
  if (typeof directory !== 'number') return directory
  throw new WasiError(
    'WASI_BAD_DIRECTORY',
    `Cannot grant ${JSON.stringify(path)}: errno ${directory}, wanted a directory`,
    { details: { path, errno: directory } },
  )
}

/** As `openHostDirectory`, with an errno for an error. */
export function tryHostDirectory(path: string, tree: HostTree): DirectoryNode | number {
  return openDirectory(path, tree, 0)
}

function openDirectory(path: string, tree: HostTree, flags: number): HostDirectory | number {
  return attempt(() => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | O_PATH | flags)
    return new HostDirectory(fd, path, tree)
  })
}

class HostDirectory implements DirectoryNode {
  readonly kind = 'directory'
  readonly #fd: number
  /** A path that means this directory as long as `#fd` is open. */
  readonly #base: string
  readonly #tree: HostTree
  #references = 1

  constructor(fd: number, path: string, tree: HostTree) {
    this.#fd = fd
    this.#base = HAS_PROC ? `/proc/self/fd/${fd}` : path
    this.#tree = tree
  }

  retain(): void {
    this.#references++
  }

  release(): void {
    if (--this.#references === 0) closeSync(this.#fd)
  }

  stat(): Filestat | number {
    return attempt(() => filestatOf(fstatSync(this.#fd, { bigint: true })))
  }

  setTimes(times: NewTimes): number {
    return this.#tree.writable ? setHostTimes(this.#base, times, true) : Errno.ROFS
  }

  lookup(name: string): Node | number {
    const path = this.#at(name)
    // Programs look for files that are not there all the time: no exception for that.
    const stats = attempt(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }))
    if (stats === undefined) return Errno.NOENT
    if (typeof stats === 'number') return stats
    if (stats.isDirectory()) return openDirectory(path, this.#tree, constants.O_NOFOLLOW)
    return stats.isSymbolicLink()
      ? new HostSymlink(path, stats, this.#tree)
      : new HostFile(path, stats, this.#tree)
  }

  list(): readonly DirectoryEntry[] | number {
    return attempt(() => {
      using directory = opendirSync(this.#base, { bufferSize: 256 })
      const entries: DirectoryEntry[] = []
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (entries.length === MAX_ENTRIES) return Errno.OVERFLOW
        entries.push({ name: entry.name, filetype: filetypeOf(entry) })
      }
      return entries
    })
  }

  inodeOf(name: string): bigint {
    const stats = attempt(() => lstatSync(this.#at(name), { bigint: true }))
    return typeof stats === 'number' ? 0n : stats.ino
  }

  createFile(name: string, mode: OpenMode): OpenFile | number {
    return this.#tree.writable ? openHostFile(this.#at(name), mode, true) : Errno.ROFS
  }

  createDirectory(name: string): number {
    return this.#change(() => mkdirSync(this.#at(name)))
  }

  createSymlink(name: string, target: string): number {
    return this.#change(() => symlinkSync(target, this.#at(name)))
  }

  link(name: string, from: DirectoryNode, fromName: string): number {
    if (!(from instanceof HostDirectory)) return Errno.XDEV
    return this.#change(() => linkSync(from.#at(fromName), this.#at(name)))
  }

  unlinkFile(name: string): number {
    return this.#change(() => unlinkSync(this.#at(name)))
  }

  removeDirectory(name: string): number {
    return this.#change(() => rmdirSync(this.#at(name)))
  }

  rename(name: string, to: DirectoryNode, toName: string): number {
    if (!(to instanceof HostDirectory)) return Errno.XDEV
    if (!to.#tree.writable) return Errno.ROFS
    return this.#change(() => renameSync(this.#at(name), to.#at(toName)))
  }

  #at(name: string): string {
    return `${this.#base}/${name}`
  }

  #change(operation: () => void): number {
    return this.#tree.writable ? done(operation) : Errno.ROFS
  }
}

/** A file as it was found; only good for as long as its directory is held. */
class HostFile implements FileNode {
  readonly kind = 'file'
  readonly #path: string
  readonly #stats: BigIntStats
  readonly #tree: HostTree

  constructor(path: string, stats: BigIntStats, tree: HostTree) {
    this.#path = path
    this.#stats = stats
    this.#tree = tree
  }

  stat(): Filestat {
    return filestatOf(this.#stats)
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#path, times, this.#tree)
  }

  open(mode: OpenMode): OpenFile | number {
    if (filetypeOf(this.#stats) !== Filetype.RegularFile) return Errno.ACCES
    const { writable, openToRead } = this.#tree
    if (!writable && (mode.write || mode.truncate)) return Errno.ROFS
    if (!writable && openToRead !== undefined) return openToRead(this.#path, this.#stats)
    return openHostFile(this.#path, mode, false)
  }
}

class HostSymlink implements SymlinkNode {
  readonly kind = 'symlink'
  readonly #path: string
  readonly #stats: BigIntStats
  readonly #tree: HostTree

  constructor(path: string, stats: BigIntStats, tree: HostTree) {
    this.#path = path
    this.#stats = stats
    this.#tree = tree
  }

  stat(): Filestat {
    return filestatOf(this.#stats)
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#path, times, this.#tree)
  }

  readLink(): string | number {
    return attempt(() => readlinkSync(this.#path))
  }
}

function setTimes(path: string, times: NewTimes, tree: HostTree): number {
  return tree.writable ? setHostTimes(path, times, false) : Errno.ROFS
}
