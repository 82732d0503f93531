/**
 * A private, writable directory in memory, such as a request's `/tmp`. Everything in it counts against one quota and is
 * gone with it.
 */
import type { Clock } from '../base/clock.ts'
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type {
  DirectoryNode,
  DirectoryReader,
  Node,
  OpenFile,
  OpenMode,
  Space,
} from './filesystem.ts'
import { MemoryFile, MemorySymlink } from './memory-file.ts'
import { MemoryNode, MemorySystem } from './memory-node.ts'
import { DEFAULT_MEMORY_LIMITS, type MemoryLimits, MemoryQuota } from './memory-quota.ts'
import { NamesReader } from './names-reader.ts'
import { NEW_FOLDER } from './own-stat.ts'

type Entry = MemoryFile | MemorySymlink | MemoryDirectory

/** Makes an empty file system. `clock` gives the times of its files. */
export function createMemoryDirectory(
  clock: Clock,
  limits: MemoryLimits = DEFAULT_MEMORY_LIMITS,
): MemoryDirectory {
  return new MemoryDirectory(new MemorySystem(new MemoryQuota(limits), clock), undefined)
}

/** Makes one whose files are gone, and their memory free for others, as soon as the last reference to a directory is released. */
export function createScratchDirectory(clock: Clock, limits: MemoryLimits): MemoryDirectory {
  const root = createMemoryDirectory(clock, limits)
  root.system.onUnreachable = () => root.empty()
  root.setMode(0o1777)
  return root
}

export class MemoryDirectory extends MemoryNode implements DirectoryNode {
  readonly #entries = new Map<string, Entry>()
  /** Where it is; `undefined`: the root, or removed. */
  #parent: MemoryDirectory | undefined
  #isRemoved = false

  constructor(system: MemorySystem, parent: MemoryDirectory | undefined) {
    super(system, NEW_FOLDER)
    this.#parent = parent
    if (parent === undefined) this.links = 1
  }

  get kind(): 'directory' {
    return 'directory'
  }

  override get filetype(): number {
    return Filetype.Directory
  }

  /** How much of its limits the whole file system uses. */
  get quota(): MemoryQuota {
    return this.system.quota
  }

  space(): Space {
    const { bytes, limits } = this.quota
    return { bytes: limits.bytes, free: limits.bytes - bytes }
  }

  override get size(): number {
    return this.#entries.size
  }

  retain(): void {
    this.system.references += 1
  }

  release(): void {
    this.system.references -= 1
    if (this.system.references === 0) this.system.onUnreachable?.()
  }

  /** Removes everything in it. Files that are open stay until they are closed. */
  empty(): void {
    for (const entry of this.#entries.values()) {
      if (entry.kind === 'directory') entry.empty()
      entry.forgetName()
    }
    this.#entries.clear()
  }

  lookup(name: string): Node | number {
    if (this.#isTooLong(name)) return Errno.NAMETOOLONG
    const entry = this.#entries.get(name)
    if (entry?.kind === 'directory') entry.retain()
    return entry ?? Errno.NOENT
  }

  get weight(): number {
    return this.quota.files
  }

  list(): DirectoryReader {
    return new NamesReader([...this.#entries.keys()], (name) => this.#entries.get(name)?.filetype)
  }

  inodeOf(name: string): bigint {
    return this.#entries.get(name)?.ino ?? 0n
  }

  createFile(name: string, mode: OpenMode): OpenFile | number {
    const errno = this.#chargeNew(name, 0)
    if (errno !== Errno.SUCCESS) return errno
    const file = new MemoryFile(this.system)
    this.#put(name, file)
    if (mode.permissions !== undefined) file.setMode(mode.permissions)
    return file.open(mode)
  }

  createDirectory(name: string, permissions?: number): number {
    if (this.#depth() >= this.system.quota.limits.depth) return Errno.MLINK
    const errno = this.#chargeNew(name, 0)
    if (errno !== Errno.SUCCESS) return errno
    const created = new MemoryDirectory(this.system, this)
    this.#put(name, created)
    return permissions === undefined ? Errno.SUCCESS : created.setMode(permissions)
  }

  createSymlink(name: string, target: string): number {
    const errno = this.#chargeNew(name, target.length)
    if (errno === Errno.SUCCESS) this.#put(name, new MemorySymlink(this.system, target))
    return errno
  }

  link(name: string, from: DirectoryNode, fromName: string): number {
    if (!(from instanceof MemoryDirectory) || from.system !== this.system) return Errno.XDEV
    const entry = from.#entries.get(fromName)
    if (entry === undefined) return Errno.NOENT
    if (entry.kind === 'directory') return Errno.PERM
    const errno = this.#checkNew(name) || this.quota.charge(name.length)
    if (errno !== Errno.SUCCESS) return errno
    this.#put(name, entry)
    return Errno.SUCCESS
  }

  unlinkFile(name: string): number {
    const entry = this.#entries.get(name)
    if (entry === undefined) return Errno.NOENT
    if (entry.kind === 'directory') return Errno.ISDIR
    this.#remove(name, entry)
    return Errno.SUCCESS
  }

  removeDirectory(name: string): number {
    const entry = this.#entries.get(name)
    if (entry === undefined) return Errno.NOENT
    if (entry.kind !== 'directory') return Errno.NOTDIR
    if (entry.#entries.size > 0) return Errno.NOTEMPTY
    this.#remove(name, entry)
    return Errno.SUCCESS
  }

  rename(name: string, to: DirectoryNode, toName: string): number {
    if (!(to instanceof MemoryDirectory) || to.system !== this.system) return Errno.XDEV
    const moved = this.#entries.get(name)
    if (moved === undefined) return Errno.NOENT
    const replaced = to.#entries.get(toName)
    if (replaced === moved) return Errno.SUCCESS
    const errno = to.#checkMove(moved, replaced, toName)
    if (errno !== Errno.SUCCESS) return errno
    const charge = this.quota.charge(Math.max(toName.length - name.length, 0))
    if (charge !== Errno.SUCCESS) return charge
    if (toName.length < name.length) this.quota.charge(toName.length - name.length)
    if (replaced !== undefined) to.#remove(toName, replaced)
    this.#entries.delete(name)
    this.touch()
    to.#entries.set(toName, moved)
    to.touch()
    if (moved.kind === 'directory') moved.#parent = to
    return Errno.SUCCESS
  }

  /** Whether `moved` may take the place of `replaced` under a name in this directory. */
  #checkMove(moved: Entry, replaced: Entry | undefined, name: string): number {
    if (this.#isRemoved) return Errno.NOENT
    if (this.#isTooLong(name)) return Errno.NAMETOOLONG
    if (moved.kind !== 'directory') {
      return replaced?.kind === 'directory' ? Errno.ISDIR : Errno.SUCCESS
    }
    if (replaced !== undefined && replaced.kind !== 'directory') return Errno.NOTDIR
    for (
      let above: MemoryDirectory | undefined = this;
      above !== undefined;
      above = above.#parent
    ) {
      if (above === moved) return Errno.INVAL
    }
    if (this.#depth() + moved.#height() > this.quota.limits.depth) return Errno.MLINK
    return replaced !== undefined && replaced.#entries.size > 0 ? Errno.NOTEMPTY : Errno.SUCCESS
  }

  #isTooLong(name: string): boolean {
    const { nameBytes } = this.quota.limits
    // No char is more than three bytes.
    return name.length * 3 > nameBytes && Buffer.byteLength(name) > nameBytes
  }

  #checkNew(name: string): number {
    if (this.#isRemoved) return Errno.NOENT
    if (this.#isTooLong(name)) return Errno.NAMETOOLONG
    return this.#entries.has(name) ? Errno.EXIST : Errno.SUCCESS
  }

  /** Charges for something new with so much in it, and for its name: SUCCESS, or why there may be none. */
  #chargeNew(name: string, contentBytes: number): number {
    const errno = this.#checkNew(name) || this.quota.chargeNode(contentBytes)
    if (errno !== Errno.SUCCESS) return errno
    const nameErrno = this.quota.charge(name.length)
    if (nameErrno !== Errno.SUCCESS) this.quota.releaseNode(contentBytes)
    return nameErrno
  }

  /** Gives an entry a name, which has been charged. */
  #put(name: string, entry: Entry): void {
    this.#entries.set(name, entry)
    entry.links++
    this.touch()
  }

  #remove(name: string, entry: Entry): void {
    this.#entries.delete(name)
    this.quota.charge(-name.length)
    if (entry.kind === 'directory') {
      entry.#isRemoved = true
      entry.#parent = undefined
    }
    entry.unlink()
    this.touch()
  }

  /** Directories above this one. */
  #depth(): number {
    let depth = 0
    for (let above = this.#parent; above !== undefined; above = above.#parent) depth++
    return depth
  }

  /** Directories inside each other from here on, this one included. */
  #height(): number {
    let height = 0
    for (const entry of this.#entries.values()) {
      if (entry.kind === 'directory') height = Math.max(height, entry.#height())
    }
    return height + 1
  }
}
