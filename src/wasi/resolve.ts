/**
 * Finds what a guest's path means, component by component, below one directory and never above it.
 *
 * `..` pops what the path itself has pushed; symbolic links are taken apart here, so that no file system below ever
 * follows one. Absolute links lead nowhere, unless one directory is all that the guest sees (`Preopen.isWhole`): then they
 * begin there, and so does `..` end there. Directories of the host are come to over many names at once where no link is on
 * the way (`descend`), and at once where the guest's latest paths have led (ways.ts).
 */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { DirectoryNode, Node } from './filesystem.ts'
import type { PathText } from './path-texts.ts'
import { Resolved } from './resolved.ts'
import type { KeptWay } from './ways.ts'

/** As Linux has it. */
export const MAX_SYMLINKS = 40
/** What one step takes on a host's disk: a look, an open and a close. */
const STEP_WORK = 10_000
/** What one name more takes in a step over many. */
const NAME_WORK = 2_000
/** Names of a path whose way is kept. */
const MOST_WAY_NAMES = 32
/** A `..` leads to where the walk has not been itself: once again, name by name. */
const STEP_BY_STEP = -1

/**
 * What to do with a symbolic link in last place: `follow` it, `stop` at it unless a slash comes behind it, or take it
 * as the `entry` it is in any case.
 */
export type LastLink = 'follow' | 'stop' | 'entry'

/**
 * Walks `path` from `start`.
 *
 * - NOENT: an empty path, or a directory on the way is missing (a missing last component is no error)
 * - NOTCAPABLE: an absolute path, an absolute link where no directory is the whole, or a `..` too many
 * - NOTDIR: something on the way is not a directory
 * - LOOP: too many symbolic links
 * - NAMETOOLONG: deeper than `limits.pathDepth`, longer than `limits.pathBytes` with its links followed, or of more steps than
 *   `limits.pathSteps`
 * - whatever the file system says, such as ACCES
 */
export function resolve(
  host: CallContext,
  start: DirectoryNode,
  given: PathText,
  lastLink: LastLink,
): Resolved | number {
  host.believedUntilMs = Infinity
  let found =
    given.text === given.name
      ? lookHere(host, start, given, lastLink)
      : (lookByWay(host, start, given, lastLink) ?? lookBack(host, start, given, lastLink))
  if (found === undefined) {
    const path = given.text
    found = walkOnce(host, start, { path, lastLink, jumps: true })
    if (found === STEP_BY_STEP) found = walkOnce(host, start, { path, lastLink, jumps: false })
  }
  // What a directory is like is said by itself.
  const node = typeof found === 'number' ? undefined : found.node
  if (node?.kind === 'directory') believe(host, node, '')
  return found
}

/** A walk has come over `names` of the directory, or for '' over one. */
function believe(host: CallContext, directory: DirectoryNode, names: string): void {
  const untilMs = directory.believedUntilMs?.(names) ?? 0
  if (untilMs < host.believedUntilMs) host.believedUntilMs = untilMs
}

/** One look at a name in the directory itself; undefined: to be walked. */
function lookHere(
  host: CallContext,
  directory: DirectoryNode,
  { name }: PathText,
  lastLink: LastLink,
): Resolved | number | undefined {
  if (name === '') return undefined
  host.charge(STEP_WORK)
  const node = directory.lookup(name)
  believe(host, directory, '')
  if (node === Errno.NOENT) {
    directory.retain()
    return new Resolved(directory, name, undefined, false)
  }
  if (typeof node === 'number') return node
  if (node.kind === 'symlink' && lastLink === 'follow') return undefined
  directory.retain()
  return new Resolved(directory, name, node, false)
}

/** One look at the last name, where one of the guest's latest paths has led to the folder; undefined: to be walked. */
function lookByWay(
  host: CallContext,
  start: DirectoryNode,
  path: PathText,
  lastLink: LastLink,
): Resolved | number | undefined {
  const { text, folder, name } = path
  if (folder === '' || name === '') return undefined
  const { ways, grants } = host
  const way = ways.get(start, folder, grants.clock.nowMs())
  const { pathBytes, pathDepth, pathSteps } = grants.limits
  if (way === undefined || way.bytes + text.length > pathBytes) return undefined
  if (way.steps >= pathSteps || way.depth >= pathDepth) return undefined
  host.charge(STEP_WORK)
  way.directory.retain()
  const node = ways.lookup(way, name)
  host.believedUntilMs = Math.min(host.believedUntilMs, way.believedUntilMs)
  believe(host, way.directory, '')
  return resolvedAt(way.directory, path, node, lastLink)
}

/** Where a path leads whose last name is `node` in the directory, a reference to which it takes over; undefined: to be walked. */
function resolvedAt(
  directory: DirectoryNode,
  { name, end }: PathText,
  node: Node | number,
  lastLink: LastLink,
): Resolved | number | undefined {
  const isDots = end === '/.'
  if (typeof node === 'number') {
    if (node === Errno.NOENT && !isDots) return new Resolved(directory, name, undefined, end !== '')
    directory.release()
    return node
  }
  const follows = lastLink === 'follow' || isDots || (lastLink === 'stop' && end !== '')
  if (!isDots && !(node.kind === 'symlink' && follows)) {
    return new Resolved(directory, name, node, end !== '')
  }
  directory.release()
  if (node.kind === 'directory') return new Resolved(node, '.', node, true)
  return node.kind === 'symlink' ? undefined : Errno.NOTDIR
}

/** One look at the last name, in a folder whose tree remembers what was found in it; undefined: to be walked. */
function lookBack(
  host: CallContext,
  start: DirectoryNode,
  path: PathText,
  lastLink: LastLink,
): Resolved | number | undefined {
  const { text, folder, folders, name, end } = path
  if (folders === 0 || name === '' || start.recall === undefined) return undefined
  const { pathBytes, pathDepth, pathSteps } = host.grants.limits
  const passed = end === '/.' ? folders + 1 : folders
  if (text.length > pathBytes || passed >= pathDepth || folders >= pathSteps) return undefined
  host.charge(STEP_WORK + folders * NAME_WORK)
  const directory = start.recall(folder)
  if (directory === undefined) return undefined
  believe(host, start, folder)
  if (typeof directory === 'number') return directory
  const node = directory.lookup(name)
  believe(host, directory, '')
  return resolvedAt(directory, path, node, lastLink)
}

interface Wanted {
  readonly path: string
  readonly lastLink: LastLink
  readonly jumps: boolean
}

function walkOnce(host: CallContext, start: DirectoryNode, wanted: Wanted): Resolved | number {
  start.retain()
  const walk = new Walk(host, start, wanted)
  const result = walk.run()
  // The directories that led here are given back; the result keeps the last one.
  walk.leave(typeof result === 'number' ? 0 : 1)
  return result
}

interface Passed {
  readonly directory: DirectoryNode
  /** The one before it in the trail is not the one it is in. */
  readonly isJump: boolean
}

class Walk {
  readonly #host: CallContext
  readonly #wanted: Wanted
  readonly #start: DirectoryNode
  readonly #trail: Passed[]
  /** Components still to come, the next one last. */
  #ahead: string[] = []
  /** How many of them are the path's own; the others are of links' texts. */
  #own = 0
  /** The path up to its last component, and how many of its own were to come when a way was kept: the way need not be kept again. */
  #names: readonly string[] = []
  #ownKept = 0
  #linksKept = 0
  /** The latest one, taken or kept. */
  #way: KeptWay | undefined
  /** Until the next link: there is one close by. */
  #isStepping = false
  #mustBeDirectory = false
  #depth = 1
  #links = 0
  #bytes = 0
  #steps = 0

  constructor(host: CallContext, start: DirectoryNode, wanted: Wanted) {
    this.#host = host
    this.#start = start
    this.#wanted = wanted
    this.#trail = [{ directory: start, isJump: false }]
  }

  /** Gives back all directories but the last `kept`. */
  leave(kept: number): void {
    for (const { directory } of this.#trail.splice(0, this.#trail.length - kept)) {
      directory.release()
    }
  }

  run(): Resolved | number {
    const errno = this.#prepend(this.#wanted.path)
    if (errno !== Errno.SUCCESS) return errno
    this.#own = this.#ahead.length
    if (this.#wanted.jumps && this.#own > 1 && this.#own <= MOST_WAY_NAMES) this.#takeWay()
    for (;;) {
      if (this.#wanted.jumps) {
        const jumped = this.#jump()
        if (jumped !== Errno.SUCCESS) return jumped
        this.#keepWay()
      }
      const name = this.#ahead.pop()
      this.#own = Math.min(this.#own, this.#ahead.length)
      const directory = this.#trail.at(-1)?.directory
      if (directory === undefined) return Errno.NOTCAPABLE
      // Nothing is left behind a `..`.
      if (name === undefined) return new Resolved(directory, '..', directory, true)
      if (name === '.') return new Resolved(directory, '.', directory, true)
      if (++this.#steps > this.#host.grants.limits.pathSteps) return Errno.NAMETOOLONG
      this.#host.charge(STEP_WORK)
      const result = name === '..' ? this.#up() : this.#step(directory, name)
      if (result !== Errno.SUCCESS) return result
    }
  }

  #prepend(path: string): number {
    if (path === '') return Errno.NOENT
    if (path.startsWith('/')) return Errno.NOTCAPABLE
    this.#bytes += path.length
    if (this.#bytes > this.#host.grants.limits.pathBytes) return Errno.NAMETOOLONG
    // A link in the middle is followed by a component anyway; only one at the end can ask for a directory.
    if (this.#ahead.length === 0 && /(^|\/)\.?$/.test(path)) this.#mustBeDirectory = true
    const components = path.split('/').filter((component) => component !== '')
    // Only in last place does a `.` mean something.
    const isEnd = this.#ahead.length === 0 && components.at(-1) === '.'
    const names = components.filter((component) => component !== '.')
    if (isEnd) names.push('.')
    this.#ahead.push(...names.reverse())
    return Errno.SUCCESS
  }

  #follow(target: string): number {
    this.#isStepping = false
    const { whole } = this.#host
    if (whole === undefined || !target.startsWith('/')) return this.#prepend(target)
    whole.retain()
    this.leave(0)
    this.#trail.push({ directory: whole, isJump: false })
    this.#depth = 1
    return this.#prepend(target.replace(/^\/+/, '') || '.')
  }

  /** Begins where the guest's latest paths have led, as far as this one goes the same way. */
  #takeWay(): void {
    const { ways, grants } = this.#host
    this.#names = this.#ahead.slice(1).reverse()
    this.#ownKept = this.#own
    const nowMs = grants.clock.nowMs()
    for (let left = 1; left < this.#own; left++) {
      // It would lead back into the way.
      if (this.#ahead[left - 1] === '..') return
      const way = ways.get(this.#start, this.#key(left), nowMs)
      if (way === undefined || way.bytes + this.#bytes > grants.limits.pathBytes) continue
      way.directory.retain()
      this.#trail.push({ directory: way.directory, isJump: true })
      this.#ahead.length = left
      this.#own = left
      this.#ownKept = left
      this.#depth = way.depth
      this.#steps = way.steps
      this.#links = way.links
      this.#linksKept = way.links
      this.#bytes += way.bytes
      this.#way = way
      this.#host.believedUntilMs = Math.min(this.#host.believedUntilMs, way.believedUntilMs)
      return
    }
  }

  /** To the directory that the last name is in; or to where a link leads, which is kept. */
  #keepWay(): void {
    const directory = this.#trail.at(-1)?.directory
    if (this.#own === 0 || this.#ahead.length !== this.#own || this.#own >= this.#ownKept) return
    // Where there are neither links nor `..` one gets as far at once.
    const isPlain =
      this.#links === this.#linksKept && this.#names[this.#names.length - this.#own] !== '..'
    if ((this.#own > 1 && isPlain) || directory?.descend === undefined) return
    const { ways, grants } = this.#host
    const way = {
      directory,
      depth: this.#depth,
      steps: this.#steps,
      links: this.#links,
      bytes: this.#bytes - this.#wanted.path.length,
      believedUntilMs: this.#host.believedUntilMs,
    }
    this.#way = ways.keep(this.#start, this.#key(this.#own), way, grants.clock.nowMs())
    this.#ownKept = this.#own
    this.#linksKept = this.#links
  }

  /** The path without its last `left` components. */
  #key(left: number): string {
    return this.#names.slice(0, this.#names.length + 1 - left).join('/')
  }

  /** Over all names at once up to the last one, or to the end of a link's text. */
  #jump(): number {
    const directory = this.#trail.at(-1)?.directory
    const left = this.#ahead.length > this.#own ? Math.max(this.#own, 1) : 1
    const count = this.#ahead.length - left
    if (this.#isStepping || count < 1 || directory?.descend === undefined) return Errno.SUCCESS
    const { pathSteps, pathDepth } = this.#host.grants.limits
    if (this.#steps + count > pathSteps || this.#depth + count > pathDepth) return Errno.SUCCESS
    if (this.#ahead.includes('..')) return Errno.SUCCESS
    this.#host.charge(STEP_WORK + count * NAME_WORK)
    const names = this.#ahead.slice(left).reverse().join('/')
    const node = directory.descend(names)
    believe(this.#host, directory, names)
    if (typeof node === 'number') return node
    if (node === undefined) {
      this.#isStepping = true
      return Errno.SUCCESS
    }
    this.#trail.push({ directory: node, isJump: count > 1 })
    this.#ahead.length = left
    this.#own = Math.min(this.#own, left)
    this.#depth += count
    this.#steps += count
    return Errno.SUCCESS
  }

  #up(): number {
    const top = this.#trail.at(-1)
    if (this.#trail.length === 1 || top === undefined) {
      return top?.directory === this.#host.whole ? Errno.SUCCESS : Errno.NOTCAPABLE
    }
    if (top.isJump) return STEP_BY_STEP
    this.#trail.pop()
    this.#depth--
    top.directory.release()
    return Errno.SUCCESS
  }

  #step(directory: DirectoryNode, name: string): Resolved | number {
    const isLast = this.#ahead.length === 0
    const way = isLast && this.#way?.directory === directory ? this.#way : undefined
    const node = way === undefined ? directory.lookup(name) : this.#host.ways.lookup(way, name)
    believe(this.#host, directory, '')
    if (typeof node === 'number') {
      if (node !== Errno.NOENT || !isLast) return node
      return new Resolved(directory, name, undefined, this.#mustBeDirectory)
    }
    if (node.kind === 'symlink' && (!isLast || this.#follows())) {
      if (++this.#links > MAX_SYMLINKS) return Errno.LOOP
      const target = node.readLink()
      return typeof target === 'number' ? target : this.#follow(target)
    }
    if (isLast) return new Resolved(directory, name, node, this.#mustBeDirectory)
    if (node.kind !== 'directory') return Errno.NOTDIR
    this.#trail.push({ directory: node, isJump: false })
    return ++this.#depth > this.#host.grants.limits.pathDepth ? Errno.NAMETOOLONG : Errno.SUCCESS
  }

  #follows(): boolean {
    const { lastLink } = this.#wanted
    return lastLink === 'follow' || (lastLink === 'stop' && this.#mustBeDirectory)
  }
}
