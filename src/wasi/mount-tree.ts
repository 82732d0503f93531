/**
 * One directory `/` in which others are mounted, at absolute paths, also inside one another.
 *
 * Below a mount its own directories answer. Only one on the way to a deeper mount is wrapped, so that the names of mount points lead
 * where they should, whatever is in their place; these can be neither made, moved nor removed. Directories that are only there to
 * hold mount points are read-only.
 */
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type {
  DirectoryEntry,
  DirectoryNode,
  DirectoryReader,
  Filestat,
  Looks,
  NewTimes,
  Node,
  OpenFile,
  OpenMode,
  Space,
  StandardStream,
  SymlinkNode,
} from './filesystem.ts'
import { LookMemory } from './look-memory.ts'
import { ownStat } from './own-stat.ts'

const DEVICE_NUMBER = 0x747265n

/** Something may be mounted here, or deeper. */
interface Point {
  /** Tells directories apart that nothing is below of. */
  readonly ino: bigint
  /** Index of what is mounted here; undefined: nothing is. */
  mount: number | undefined
  /** There is a link, and nothing else. */
  readonly link?: MountLink
  readonly inside: Map<string, Point>
  /** Where names, joined by slashes, leave the points that lie inside; undefined: only step by step. */
  readonly exits: Map<string, Exit | undefined>
}

interface Exit {
  readonly point: Point
  /** What is left of the names, of which no point knows the first; '': nothing. */
  readonly rest: string
}

/** Exits of one point that are kept, and characters of their names: programs look into the same folders again and again. */
const MOST_EXITS = 256
const MOST_EXIT_CHARS = 256

export type Mounted = DirectoryNode | (() => DirectoryNode)

/** The shape of a tree: made once, for as many trees as are wanted. */
export class MountPlan {
  readonly #root: Point = newPoint(1n)

  readonly #looks = new LookMemory()

  #lastIno = 1n

  /**
   * Absolute paths, as text; of two that are the same the last one counts. `links`: texts of links, by their paths; where there is
   * something else to be, there is none.
   */
  constructor(paths: readonly string[], links: ReadonlyMap<string, string> = new Map()) {
    for (const [index, path] of paths.entries()) {
      let point = this.#root
      for (const name of namesIn(path)) point = this.#next(point, name)
      point.mount = index
    }
    for (const [path, text] of links) {
      let point = this.#root
      const names = namesIn(path)
      for (const name of names.slice(0, -1)) point = this.#next(point, name)
      const [last] = names.slice(-1)
      if (last === undefined || point.inside.has(last) || point.link !== undefined) continue
      const ino = ++this.#lastIno
      const link = new MountLink(ino, text)
      point.inside.set(last, { ...newPoint(ino), link })
    }
  }

  #next({ inside }: Point, name: string): Point {
    const next = inside.get(name) ?? newPoint(++this.#lastIno)
    inside.set(name, next)
    return next
  }

  /**
   * A tree of `directories`, in the order of the paths. They stay the caller's. It starts without a reference, as they may: it
   * takes one of each with its first, and gives them back with its last. Of a function what it answers is the tree's, which asks
   * when somebody looks for the first time.
   */
  open(directories: readonly Mounted[]): DirectoryNode {
    const tree = new MountTree(directories)
    return new MountDirectory(tree, this.#root, tree.at(this.#root), this.#looks)
  }
}

function newPoint(ino: bigint): Point {
  return { ino, mount: undefined, inside: new Map(), exits: new Map() }
}

/** undefined: a link is on the way, or a folder in what is mounted that may not be there. */
function exitOf(from: Point, names: string): Exit | undefined {
  let [point, at, isMounted] = [from, 0, from.mount !== undefined]
  while (at < names.length) {
    const slash = names.indexOf('/', at)
    const end = slash < 0 ? names.length : slash
    const next = point.inside.get(names.slice(at, end))
    if (next === undefined) break
    if (next.link !== undefined) return undefined
    isMounted ||= next.mount !== undefined
    point = next
    at = end + 1
  }
  const isPlain = point.mount !== undefined || !isMounted
  return isPlain ? { point, rest: names.slice(at) } : undefined
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

class MountLink implements SymlinkNode {
  readonly kind = 'symlink'
  readonly #ino: bigint
  readonly #text: string

  constructor(ino: bigint, text: string) {
    this.#ino = ino
    this.#text = text
  }

  stat(): Filestat {
    return ownStat(DEVICE_NUMBER, this.#ino, Filetype.SymbolicLink)
  }

  readonly setTimes = (): number => Errno.ROFS

  readonly readLink = (): string => this.#text
}

/**
 * The directory that an entry of `directory` is in, apart from mounts: whoever links and moves from one to another asks for both.
 * BUSY: it is a mount point. ROFS: there are only mount points.
 */
export function placeOf(directory: DirectoryNode, name: string): DirectoryNode | number {
  return directory instanceof MountDirectory ? directory.placeOf(name) : directory
}

class MountTree {
  readonly #directories: readonly Mounted[]
  /** What functions have answered. */
  readonly #own = new Map<number, DirectoryNode>()
  #references = 0

  constructor(directories: readonly Mounted[]) {
    this.#directories = directories
  }

  at({ mount }: Point): DirectoryNode | undefined {
    const mounted = mount === undefined ? undefined : this.#directories[mount]
    return typeof mounted === 'function' ? this.#ownAt(mount ?? 0, mounted) : mounted
  }

  retain(): void {
    if (this.#references++ > 0) return
    for (const directory of this.#directories) {
      if (typeof directory !== 'function') directory.retain()
    }
  }

  release(): void {
    if (--this.#references > 0) return
    for (const directory of this.#directories) {
      if (typeof directory !== 'function') directory.release()
    }
    for (const directory of this.#own.values()) directory.release()
    this.#own.clear()
  }

  #ownAt(mount: number, open: () => DirectoryNode): DirectoryNode {
    const own = this.#own.get(mount) ?? open()
    this.#own.set(mount, own)
    return own
  }
}

class MountDirectory implements DirectoryNode {
  readonly kind = 'directory'
  readonly #tree: MountTree
  readonly #point: Point
  /** What is at this path apart from mount points; undefined: nothing. Held as long as this is. */
  readonly #below: DirectoryNode | undefined
  readonly looks?: Looks
  #references = 0

  constructor(tree: MountTree, point: Point, below: DirectoryNode | undefined, looks?: Looks) {
    this.#tree = tree
    this.#point = point
    this.#below = below
    if (looks !== undefined) this.looks = looks
  }

  get weight(): number {
    return this.#point.inside.size + (this.#below?.weight ?? 0)
  }

  get isReadOnly(): boolean {
    return this.#below === undefined || this.#below.isReadOnly === true
  }

  /** The whole tree is held: what is mounted elsewhere must not come to its end meanwhile. */
  retain(): void {
    if (this.#references++ > 0) return
    this.#tree.retain()
    this.#below?.retain()
  }

  release(): void {
    if (--this.#references > 0) return
    this.#below?.release()
    this.#tree.release()
  }

  placeOf(name: string): DirectoryNode | number {
    return this.#point.inside.has(name) ? Errno.BUSY : (this.#below ?? Errno.ROFS)
  }

  stat(): Filestat | number {
    return this.#below?.stat() ?? ownStat(DEVICE_NUMBER, this.#point.ino, Filetype.Directory)
  }

  setTimes(times: NewTimes): number {
    return this.#below?.setTimes(times) ?? Errno.ROFS
  }

  setMode(mode: number): number {
    if (this.#below === undefined) return Errno.ROFS
    return this.#below.setMode?.(mode) ?? Errno.SUCCESS
  }

  space(): Space | number {
    return this.#below?.space?.() ?? Errno.NOSYS
  }

  lookup(name: string): Node | number {
    const point = this.#point.inside.get(name)
    if (point === undefined) return this.#below?.lookup(name) ?? Errno.NOENT
    if (point.link !== undefined) return point.link
    const mounted = this.#tree.at(point)
    if (mounted !== undefined) return this.#give(point, mounted)
    // What is there counts only where it can hold the mount points.
    const node = this.#below?.lookup(name)
    const below = typeof node === 'object' && node.kind === 'directory' ? node : undefined
    const given = this.#give(point, below)
    below?.release()
    return given
  }

  recall(names: string): DirectoryNode | number | undefined {
    const isPassing = this.#point.mount === undefined
    // It depends on what is below.
    if (isPassing && this.#below !== undefined) return undefined
    const exit = this.#exit(names)
    if (exit === undefined) return undefined
    const { point, rest } = exit
    const below = this.#tree.at(point)
    if (below === undefined) return rest === '' ? undefined : Errno.NOENT
    if (below.recall === undefined) return undefined
    return rest === '' ? this.#give(point, below) : below.recall(rest)
  }

  /** Where the mount points are does not change. */
  believedUntilMs(names: string): number {
    if (names === '') return believedUntilMs(this.#below, '')
    const exit = this.#exit(names)
    if (exit === undefined) return 0
    return exit.rest === '' ? Infinity : believedUntilMs(this.#tree.at(exit.point), exit.rest)
  }

  #exit(names: string): Exit | undefined {
    const { exits } = this.#point
    const known = exits.get(names)
    if (known !== undefined || exits.has(names)) return known
    const exit = exitOf(this.#point, names)
    if (names.length > MOST_EXIT_CHARS) return exit
    if (exits.size >= MOST_EXITS) exits.clear()
    exits.set(names, exit)
    return exit
  }

  list(): DirectoryReader | number {
    const below = this.#below?.list()
    return typeof below === 'number' ? below : new MountReader(entriesOf(this.#point), below)
  }

  inodeOf(name: string): bigint {
    const point = this.#point.inside.get(name)
    if (point === undefined) return this.#below?.inodeOf(name) ?? 0n
    if (point.link !== undefined) return point.ino
    const node = this.lookup(name)
    if (typeof node === 'number' || node.kind !== 'directory') return 0n
    const stat = node.stat()
    node.release()
    return typeof stat === 'number' ? 0n : stat.ino
  }

  createFile(name: string, mode: OpenMode): OpenFile | StandardStream | number {
    return this.#making(name, (below) => below.createFile(name, mode))
  }

  createDirectory(name: string, permissions?: number): number {
    return this.#making(name, (below) => below.createDirectory(name, permissions))
  }

  createSymlink(name: string, target: string): number {
    return this.#making(name, (below) => below.createSymlink(name, target))
  }

  link(name: string, from: DirectoryNode, fromName: string): number {
    return this.#making(name, (below) => below.link(name, from, fromName))
  }

  unlinkFile(name: string): number {
    const place = this.placeOf(name)
    return typeof place === 'number' ? place : place.unlinkFile(name)
  }

  removeDirectory(name: string): number {
    const place = this.placeOf(name)
    return typeof place === 'number' ? place : place.removeDirectory(name)
  }

  rename(name: string, to: DirectoryNode, toName: string): number {
    const place = this.placeOf(name)
    return typeof place === 'number' ? place : place.rename(name, to, toName)
  }

  #making<Made>(name: string, make: (below: DirectoryNode) => Made | number): Made | number {
    if (this.#point.inside.has(name)) return Errno.EXIST
    return this.#below === undefined ? Errno.ROFS : make(this.#below)
  }

  /** A reference to what is at `point`. */
  #give(point: Point, below: DirectoryNode | undefined): DirectoryNode {
    const isLeaf = below !== undefined && point.inside.size === 0
    const directory = isLeaf ? below : new MountDirectory(this.#tree, point, below)
    directory.retain()
    return directory
  }
}

/** undefined: there is nothing, and never will be. */
function believedUntilMs(directory: DirectoryNode | undefined, names: string): number {
  return directory === undefined ? Infinity : (directory.believedUntilMs?.(names) ?? 0)
}

function entriesOf({ inside }: Point): DirectoryEntry[] {
  return [...inside].map(([name, { link }]) => ({
    name,
    filetype: link === undefined ? Filetype.Directory : Filetype.SymbolicLink,
  }))
}

/** The entries below, without those that mount points hide, and then the mount points. */
class MountReader implements DirectoryReader {
  readonly #hidden: ReadonlySet<string>
  readonly #below: DirectoryReader | undefined
  #points: readonly DirectoryEntry[]

  constructor(points: readonly DirectoryEntry[], below: DirectoryReader | undefined) {
    this.#hidden = new Set(points.map(({ name }) => name))
    this.#below = below
    this.#points = points
  }

  read(count: number): readonly DirectoryEntry[] | number {
    for (;;) {
      const read = this.#below?.read(count) ?? []
      if (typeof read === 'number') return read
      const seen = read.filter(({ name }) => !this.#hidden.has(name))
      if (seen.length > 0) return seen
      if (read.length === 0) break
    }
    const points = this.#points.slice(0, count)
    this.#points = this.#points.slice(points.length)
    return points
  }

  close(): void {
    this.#below?.close()
  }
}
