/**
 * A granted directory of the host.
 *
 * A guest's path is walked one component at a time (resolve.ts), or over many by one system call (`descend`), and each step starts
 * at the open descriptor of the directory before, whatever others rename meanwhile: by system calls on that descriptor
 * (host-name.ts), or by the path `/proc/self/fd/N/name`, which the kernel resolves at that very directory. No step follows a link.
 * Where there is no /proc the steps are plain paths, checked but not safe against somebody who swaps directories for links at the
 * same time.
 *
 * Links that a guest makes lead others downwards only, or nowhere: one that leads upwards, or has an absolute path, is on the disk with a
 * text that only this file understands. So others who follow links in the folder, such as a web server, are not led out of it,
 * wherever the guest moves them.
 */
import { closeSync, statfsSync } from 'node:fs'
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
  Space,
  SymlinkNode,
} from './filesystem.ts'
import { readHostDirectory } from './host-directory-reader.ts'
import { openHostFile } from './host-file.ts'
import {
  type HostName,
  linkName,
  makeDirectory,
  makeSymlink,
  openBelow,
  openKept,
  readLinkName,
  removeDirectoryName,
  renameName,
  setDescriptorMode,
  setNameMode,
  setNameTimes,
  statDescriptor,
  statName,
  unlinkName,
} from './host-name.ts'
import { setDescriptorTimes } from './host-times.ts'
import type { MountQuota } from './mount-quota.ts'

/** What the host itself may do with what guests make, whatever they say: it counts and measures. */
const [OWNER_OF_FILE, OWNER_OF_FOLDER] = [0o400, 0o500]

/** What a link's text begins with that is for guests only: nothing is below a device. */
const FOR_GUESTS = '/dev/null/link:'

const HAS_PROC = process.platform === 'linux'

/** How files are opened and whether anything may be changed; the same all over a tree. */
export interface HostTree {
  readonly writable: boolean
  /** Default: nothing but the disk says how much is too much. */
  readonly quota?: MountQuota
  /** Is told when something is not done because the tree is not writable. */
  readonly onRefused?: () => void
  /** Opens a regular file for reading in a tree that is not writable. */
  readonly openToRead?: (found: FoundFile) => OpenFile | number
  /** Name by name, as where the kernel cannot look for whole paths. Default: only there. */
  readonly isWalked?: boolean
}

/** A file as it was looked up. */
export interface FoundFile {
  /** Good for as long as it is held. */
  readonly directory: DirectoryNode
  readonly at: HostName
  readonly stat: Filestat
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
    return HostDirectory.of(openFolder(path), path, tree)
  })
}

/** Where a directory was found that is opened when somebody wants more of it than what it was like. */
interface Found {
  /** Held until then. */
  readonly parent: DirectoryNode
  readonly at: HostName
  readonly stat: Filestat
}

class HostDirectory implements DirectoryNode {
  readonly kind = 'directory'
  readonly weight = 0
  readonly #tree: HostTree
  /** Negative: minus the errno of opening it. undefined: it has only been looked at. */
  #fd: number | undefined
  /** A path that means this directory as long as it is open. */
  #base = ''
  #found: Found | undefined
  #references = 1

  private constructor(tree: HostTree, found?: Found) {
    this.#tree = tree
    this.#found = found
    found?.parent.retain()
  }

  /** Takes over the descriptor. */
  static of(fd: number, path: string, tree: HostTree): HostDirectory {
    const directory = new HostDirectory(tree)
    directory.#opened(fd, path)
    return directory
  }

  retain(): void {
    this.#references++
  }

  release(): void {
    if (--this.#references > 0) return
    if (this.#fd !== undefined && this.#fd >= 0) closeSync(this.#fd)
    this.#found?.parent.release()
    this.#found = undefined
  }

  get isReadOnly(): boolean {
    return !this.#tree.writable
  }

  open(): number {
    const fd = this.#descriptor()
    return fd < 0 ? -fd : Errno.SUCCESS
  }

  stat(): Filestat | number {
    if (this.#found !== undefined) return this.#found.stat
    return this.#with(statDescriptor)
  }

  setTimes(times: NewTimes): number {
    if (!this.#tree.writable) return refused(this.#tree)
    return this.#with((fd) => setDescriptorTimes(fd, times))
  }

  setMode(mode: number): number {
    if (!this.#tree.writable) return refused(this.#tree)
    return this.#with((fd) => setDescriptorMode(fd, mode | OWNER_OF_FOLDER))
  }

  space(): Space | number {
    const disk = this.#with(() => attempt(() => statfsSync(this.#base)))
    if (typeof disk === 'number') return disk
    const [bytes, free] = [disk.blocks * disk.bsize, disk.bavail * disk.bsize]
    if (!this.#tree.writable) return { bytes, free: 0 }
    const quota = this.#tree.quota?.space()
    return quota === undefined ? { bytes, free } : { ...quota, free: Math.min(quota.free, free) }
  }

  lookup(name: string): Node | number {
    return this.#at(name, (at) => {
      const stat = statName(at)
      if (typeof stat === 'number') return stat
      if (stat.filetype === Filetype.SymbolicLink) return new HostSymlink(at, stat, this.#tree)
      if (stat.filetype !== Filetype.Directory)
        return new HostFile({ directory: this, at, stat }, this.#tree)
      return new HostDirectory(this.#tree, { parent: this, at, stat })
    })
  }

  descend(names: string): HostDirectory | number | undefined {
    if (this.#tree.isWalked === true) return undefined
    return this.#with((directory) => {
      const fd = openBelow(directory, names)
      if (fd === undefined || fd < 0) return fd === undefined ? undefined : -fd
      return HostDirectory.of(fd, `${this.#base}/${names}`, this.#tree)
    })
  }

  list(): DirectoryReader | number {
    return this.#with((directory) => readHostDirectory(directory, this.#base))
  }

  inodeOf(name: string): bigint {
    const stat = this.#at(name, statName)
    return typeof stat === 'number' ? 0n : stat.ino
  }

  createFile(name: string, mode: OpenMode): OpenFile | number {
    const { quota } = this.#tree
    const { permissions } = mode
    const own =
      permissions === undefined ? mode : { ...mode, permissions: permissions | OWNER_OF_FILE }
    return this.#adding(name, (at) => openHostFile(at, own, { creates: true, quota }))
  }

  createDirectory(name: string, permissions?: number): number {
    if (permissions === undefined) return this.#adding(name, makeDirectory)
    const mode = permissions | OWNER_OF_FOLDER
    return this.#adding(name, (at) => makeDirectory(at, mode) || setNameMode(at, mode))
  }

  createSymlink(name: string, target: string): number {
    const text = leadsDown(target) ? target : FOR_GUESTS + target
    return this.#adding(name, (at) => makeSymlink(at, text))
  }

  link(name: string, from: DirectoryNode, fromName: string): number {
    // Two grants may be of one file system, and one of them read-only.
    if (!(from instanceof HostDirectory) || from.#tree !== this.#tree) {
      return this.#tree.writable ? Errno.XDEV : refused(this.#tree)
    }
    return from.#at(fromName, (source) =>
      this.#adding(name, (at) => {
        if (!mayMove(source)) return Errno.PERM
        this.#tree.quota?.linking(source)
        return linkName(source, at)
      }),
    )
  }

  unlinkFile(name: string): number {
    return this.#removing(name, unlinkName)
  }

  removeDirectory(name: string): number {
    return this.#removing(name, removeDirectoryName)
  }

  rename(name: string, to: DirectoryNode, toName: string): number {
    const { writable, quota } = this.#tree
    if (!writable) return refused(this.#tree)
    if (!(to instanceof HostDirectory) || to.#tree !== this.#tree) return Errno.XDEV
    return this.#at(name, (source) =>
      to.#at(toName, (target) => {
        if (!mayMove(source)) return Errno.PERM
        const rename = (): number => renameName(source, target)
        return quota === undefined ? rename() : quota.renaming(source, target, rename)
      }),
    )
  }

  #adding<Made>(name: string, make: (at: HostName) => Made | number): Made | number {
    const { writable, quota } = this.#tree
    if (!writable) return refused(this.#tree)
    return this.#at(name, (at) =>
      quota === undefined ? make(at) : quota.adding(at, () => make(at)),
    )
  }

  #removing(name: string, remove: (at: HostName) => number): number {
    const { writable, quota } = this.#tree
    if (!writable) return refused(this.#tree)
    return this.#at(name, (at) =>
      quota === undefined ? remove(at) : quota.removing(at, () => remove(at)),
    )
  }

  #at<Result>(name: string, operation: (at: HostName) => Result): Result | number {
    return this.#with((directory) => operation({ directory, name, path: `${this.#base}/${name}` }))
  }

  /** What `operation` answers for the open directory, or why it cannot be opened. */
  #with<Result>(operation: (fd: number) => Result): Result | number {
    const fd = this.#descriptor()
    return fd < 0 ? -fd : operation(fd)
  }

  #descriptor(): number {
    if (this.#fd !== undefined) return this.#fd
    const found = this.#found
    if (found === undefined) return -Errno.BADF
    const fd = openKept(found.at, FOLDER_FLAGS)
    this.#opened(fd, found.at.path)
    this.#found = undefined
    found.parent.release()
    return fd
  }

  #opened(fd: number, path: string): void {
    this.#fd = fd
    this.#base = HAS_PROC ? `/proc/self/fd/${fd}` : path
  }
}

/** Whether a link with this text can only lead to something in its own folder or below, as long as all others there do. */
function leadsDown(target: string): boolean {
  return !target.startsWith('/') && !target.split('/').includes('..')
}

/** A link of somebody else's that leads upwards stays where it was meant. */
function mayMove(at: HostName): boolean {
  const text = readLinkName(at)
  return typeof text === 'number' || isForGuests(text) || leadsDown(text)
}

/** Whether a link has this text on the disk that leads guests only. */
function isForGuests(text: string | number): text is string {
  return typeof text === 'string' && text.startsWith(FOR_GUESTS)
}

/** A file as it was found; only good for as long as its directory is held. */
class HostFile implements FileNode {
  readonly kind = 'file'
  readonly #found: FoundFile
  readonly #tree: HostTree

  constructor(found: FoundFile, tree: HostTree) {
    this.#found = found
    this.#tree = tree
  }

  get isReadOnly(): boolean {
    return !this.#tree.writable
  }

  stat(): Filestat {
    return this.#found.stat
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#found.at, times, this.#tree)
  }

  setMode(mode: number): number {
    const { at } = this.#found
    return this.#tree.writable ? setNameMode(at, mode | OWNER_OF_FILE) : refused(this.#tree)
  }

  open(mode: OpenMode): OpenFile | number {
    if (this.#found.stat.filetype !== Filetype.RegularFile) return Errno.ACCES
    const { writable, openToRead, quota } = this.#tree
    if (!writable && (mode.write || mode.truncate)) return refused(this.#tree)
    if (!writable && openToRead !== undefined) return openToRead(this.#found)
    return openHostFile(this.#found.at, mode, { creates: false, quota })
  }
}

class HostSymlink implements SymlinkNode {
  readonly kind = 'symlink'
  readonly #at: HostName
  readonly #stat: Filestat
  readonly #tree: HostTree
  #text: string | number | undefined

  constructor(at: HostName, stat: Filestat, tree: HostTree) {
    this.#at = at
    this.#stat = stat
    this.#tree = tree
  }

  stat(): Filestat {
    const stat = this.#stat
    // A shorter one is for others, too.
    const isHidden = stat.size > FOR_GUESTS.length && isForGuests(this.#read())
    return isHidden ? { ...stat, size: stat.size - BigInt(FOR_GUESTS.length) } : stat
  }

  setTimes(times: NewTimes): number {
    return setTimes(this.#at, times, this.#tree)
  }

  readLink(): string | number {
    const text = this.#read()
    return isForGuests(text) ? text.slice(FOR_GUESTS.length) : text
  }

  #read(): string | number {
    this.#text ??= readLinkName(this.#at)
    return this.#text
  }
}

function setTimes(at: HostName, times: NewTimes, tree: HostTree): number {
  return tree.writable ? setNameTimes(at, times) : refused(tree)
}

function refused({ onRefused }: HostTree): number {
  onRefused?.()
  return Errno.ROFS
}
