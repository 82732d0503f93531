/**
 * A granted directory of the host.
 *
 * A guest's path is walked one component at a time (resolve.ts), and each step starts at the open descriptor of the
 * directory before, whatever others rename meanwhile: by system calls on that descriptor (host-name.ts), or by the path
 * `/proc/self/fd/N/name`, which the kernel resolves at that very directory. No step follows a link. Where there is no /proc
 * the steps are plain paths, checked but not safe against somebody who swaps directories for links at the same time.
 *
 * Links that a guest makes lead downwards only. So others who follow links in the folder, such as a web server, are not
 * led out of it either, wherever the guest moves them.
 */
import { type BigIntStats, closeSync, fstatSync, lstatSync } from 'node:fs'
import { FOLDER_FLAGS, openFolder } from '../base/open-folder.ts'
import { Filetype } from './abi.ts'
import { attempt, Errno } from './errno.ts'
import { WasiError } from './errors.ts'
import type {
  DirectoryNode,
  DirectoryReader,
  FileNode,
  Filestat,
  NewTimes,
  Node,
  OpenFile,
  OpenMode,
  SymlinkNode,
} from './filesystem.ts'
import { readHostDirectory } from './host-directory-reader.ts'
import { filestatOf, filetypeOf, openHostFile } from './host-file.ts'
import {
  type HostName,
  linkName,
  makeDirectory,
  makeSymlink,
  openName,
  readLinkName,
  removeDirectoryName,
  renameName,
  setNameTimes,
  unlinkName,
} from './host-name.ts'
import { setDescriptorTimes } from './host-times.ts'
import type { MountQuota } from './mount-quota.ts'

const HAS_PROC = process.platform === 'linux'

/** How files are opened and whether anything may be changed; the same all over a tree. */
export interface HostTree {
  readonly writable: boolean
  /** Default: nothing but the disk says how much is too much. */
  readonly quota?: MountQuota
  /** Opens a regular file for reading in a tree that is not writable. `stats`: as it was when it was looked up. */
  readonly openToRead?: (at: HostName, stats: BigIntStats) => OpenFile | number
}

/** Opens a directory to grant. Give it back with `release()`. Throws WASI_BAD_DIRECTORY. */
export function openHostDirectory(path: string, tree: HostTree): DirectoryNode {
  const directory = tryHostDirectory(path, tree)
  if (typeof directory !== 'number') return directory
  throw new WasiError(
    'WASI_BAD_DIRECTORY',
    `Cannot grant ${JSON.stringify(path)}: errno ${directory}, wanted a directory`,
    { details: { path, errno: directory } },
  )
}

/** As `openHostDirectory`, with an errno for an error. */
export function tryHostDirectory(path: string, tree: HostTree): DirectoryNode | number {
  return attempt(() => {
    return new HostDirectory(openFolder(path), path, tree)
  })
}

class HostDirectory implements DirectoryNode {
  readonly kind = 'directory'
  readonly weight = 0
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
    return this.#tree.writable ? setDescriptorTimes(this.#fd, times) : Errno.ROFS
  }

  lookup(name: string): Node | number {
    const at = this.#at(name)
    // Programs look for files that are not there all the time: no exception for that.
    const stats = attempt(() => lstatSync(at.path, { bigint: true, throwIfNoEntry: false }))
    if (stats === undefined) return Errno.NOENT
    if (typeof stats === 'number') return stats
    if (stats.isSymbolicLink()) return new HostSymlink(at, stats, this.#tree)
    if (!stats.isDirectory()) return new HostFile(at, stats, this.#tree)
    const fd = openName(at, FOLDER_FLAGS)
    return fd < 0 ? -fd : new HostDirectory(fd, at.path, this.#tree)
  }

  list(): DirectoryReader | number {
    return readHostDirectory(this.#base)
  }

  inodeOf(name: string): bigint {
    const stats = attempt(() => lstatSync(this.#at(name).path, { bigint: true }))
    return typeof stats === 'number' ? 0n : stats.ino
  }

  createFile(name: string, mode: OpenMode): OpenFile | number {
    const { quota } = this.#tree
    return this.#adding(() => openHostFile(this.#at(name), mode, { creates: true, quota }))
  }

  createDirectory(name: string): number {
    return this.#adding(() => makeDirectory(this.#at(name)))
  }

  /** PERM: the link would not lead downwards. */
  createSymlink(name: string, target: string): number {
    return this.#adding(() =>
      leadsDown(target) ? makeSymlink(this.#at(name), target) : Errno.PERM,
    )
  }

  link(name: string, from: DirectoryNode, fromName: string): number {
    // Two grants may be of one file system, and one of them read-only.
    if (!(from instanceof HostDirectory) || from.#tree !== this.#tree) {
      return this.#tree.writable ? Errno.XDEV : Errno.ROFS
    }
    const source = from.#at(fromName)
    return this.#adding(() => (mayMove(source) ? linkName(source, this.#at(name)) : Errno.PERM))
  }

  unlinkFile(name: string): number {
    return this.#removing(this.#at(name), unlinkName)
  }

  removeDirectory(name: string): number {
    return this.#removing(this.#at(name), removeDirectoryName)
  }

  rename(name: string, to: DirectoryNode, toName: string): number {
    const { writable, quota } = this.#tree
    if (!writable) return Errno.ROFS
    if (!(to instanceof HostDirectory) || to.#tree !== this.#tree) return Errno.XDEV
    const [source, target] = [this.#at(name), to.#at(toName)]
    if (!mayMove(source)) return Errno.PERM
    const rename = (): number => renameName(source, target)
    return quota === undefined ? rename() : quota.renaming(source, target, rename)
  }

  #adding<Made>(make: () => Made | number): Made | number {
    const { writable, quota } = this.#tree
    if (!writable) return Errno.ROFS
    return quota === undefined ? make() : quota.adding(make)
  }

  #removing(at: HostName, remove: (at: HostName) => number): number {
    const { writable, quota } = this.#tree
    if (!writable) return Errno.ROFS
    return quota === undefined ? remove(at) : quota.removing(at, () => remove(at))
  }

  #at(name: string): HostName {
    return { directory: this.#fd, name, path: `${this.#base}/${name}` }
  }
}

/** Whether a link with this text can only lead to something in its own folder or below, as long as all others there do. */
function leadsDown(target: string): boolean {
  return !target.startsWith('/') && !target.split('/').includes('..')
}

/** A link of somebody else's that leads upwards stays where it was meant. */
function mayMove(at: HostName): boolean {
  const target = readLinkName(at)
  return typeof target === 'number' || leadsDown(target)
}

/** A file as it was found; only good for as long as its directory is held. */
class HostFile implements FileNode {
  readonly kind = 'file'
  readonly #at: HostName
  readonly #stats: BigIntStats
  readonly #tree: HostTree

  constructor(at: HostName, stats: BigIntStats, tree: HostTree) {
    this.#at = at
    this.#stats = stats
    this.#tree = tree
  }

  stat(): Filestat {
    return filestatOf(this.#stats)
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#at, times, this.#tree)
  }

  open(mode: OpenMode): OpenFile | number {
    if (filetypeOf(this.#stats) !== Filetype.RegularFile) return Errno.ACCES
    const { writable, openToRead, quota } = this.#tree
    if (!writable && (mode.write || mode.truncate)) return Errno.ROFS
    if (!writable && openToRead !== undefined) return openToRead(this.#at, this.#stats)
    return openHostFile(this.#at, mode, { creates: false, quota })
  }
}

class HostSymlink implements SymlinkNode {
  readonly kind = 'symlink'
  readonly #at: HostName
  readonly #stats: BigIntStats
  readonly #tree: HostTree

  constructor(at: HostName, stats: BigIntStats, tree: HostTree) {
    this.#at = at
    this.#stats = stats
    this.#tree = tree
  }

  stat(): Filestat {
    return filestatOf(this.#stats)
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#at, times, this.#tree)
  }

  readLink(): string | number {
    return readLinkName(this.#at)
  }
}

function setTimes(at: HostName, times: NewTimes, tree: HostTree): number {
  return tree.writable ? setNameTimes(at, times) : Errno.ROFS
}
