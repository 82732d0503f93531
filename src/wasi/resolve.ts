/**
 * Finds what a guest's path means, component by component, below one directory and never above it.
 *
 * `..` pops what the path itself has pushed; symbolic links are taken apart here, so that no file system below ever
 * follows one. Absolute links lead nowhere, unless one directory is all that the guest sees (`Preopen.isWhole`): then they
 * begin there, and so does `..` end there.
 */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { DirectoryNode, Node } from './filesystem.ts'

/** As Linux has it. */
export const MAX_SYMLINKS = 40
/** What one step takes on a host's disk: a look, an open and a close. */
const STEP_WORK = 10_000

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * What to do with a symbolic link in last place: `follow` it, `stop` at it unless a slash comes behind it, or take it
 * as the `entry` it is in any case.
 */
export type LastLink = 'follow' | 'stop' | 'entry'

/** Where a path leads. Holds references until `release()`. */
export class Resolved {
  /** The directory the last component is in; for `.` and `..` what they mean. */
  readonly directory: DirectoryNode
  /** The last component, `.` and `..` among them: a directory can be asked about by these, not made, moved or removed. */
  readonly name: string
  /** What is there, if anything. */
  readonly node: Node | undefined
  /** The path ended in a slash. */
  readonly mustBeDirectory: boolean

  constructor(
    directory: DirectoryNode,
    name: string,
    node: Node | undefined,
    mustBeDirectory: boolean,
  ) {
    this.directory = directory
    this.name = name
    this.node = node
    this.mustBeDirectory = mustBeDirectory
  }

  get isDots(): boolean {
    return this.name === '.' || this.name === '..'
  }

  /** Whether a slash behind the name asks for a directory where there is something else. */
  get isMistakenForDirectory(): boolean {
    return this.mustBeDirectory && this.node !== undefined && this.node.kind !== 'directory'
  }

  release(): void {
    this.directory.release()
    if (this.node?.kind === 'directory' && this.node !== this.directory) this.node.release()
  }
}

/**
 * Reads a path argument.
 *
 * - FAULT: not inside memory
 * - NAMETOOLONG: longer than `limits.pathBytes`
 * - INVAL: has a NUL in it
 * - ILSEQ: not UTF-8
 */
export function readPath(host: CallContext, pointer: number, length: number): string | number {
  host.charge((length >>> 0) * 20)
  const start = pointer >>> 0
  const bytes = length >>> 0
  if (!host.has(start, bytes)) return Errno.FAULT
  if (bytes > host.grants.limits.pathBytes) return Errno.NAMETOOLONG
  try {
    const path = decoder.decode(host.bytes.subarray(start, start + bytes))
    return path.includes('\0') ? Errno.INVAL : path
  } catch {
    return Errno.ILSEQ
  }
}

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
  path: string,
  lastLink: LastLink,
): Resolved | number {
  start.retain()
  const walk = new Walk(host, start)
  const result = walk.run(path, lastLink)
  // The directories that led here are given back; the result keeps the last one.
  walk.leave(typeof result === 'number' ? 0 : 1)
  return result
}

class Walk {
  readonly #host: CallContext
  readonly #trail: DirectoryNode[]
  /** Components still to come, the next one last. */
  #ahead: string[] = []
  #mustBeDirectory = false
  #links = 0
  #bytes = 0
  #steps = 0

  constructor(host: CallContext, start: DirectoryNode) {
    this.#host = host
    this.#trail = [start]
  }

  /** Gives back all directories but the last `kept`. */
  leave(kept: number): void {
    for (const directory of this.#trail.splice(0, this.#trail.length - kept)) directory.release()
  }

  run(path: string, lastLink: LastLink): Resolved | number {
    const errno = this.#prepend(path)
    if (errno !== Errno.SUCCESS) return errno
    for (;;) {
      const name = this.#ahead.pop()
      const directory = this.#trail.at(-1)
      if (directory === undefined) return Errno.NOTCAPABLE
      // Nothing is left behind a `..`.
      if (name === undefined) return new Resolved(directory, '..', directory, true)
      if (name === '.') return new Resolved(directory, '.', directory, true)
      if (++this.#steps > this.#host.grants.limits.pathSteps) return Errno.NAMETOOLONG
      this.#host.charge(STEP_WORK)
      const result = name === '..' ? this.#up() : this.#step(directory, name, lastLink)
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
    const { whole } = this.#host
    if (whole === undefined || !target.startsWith('/')) return this.#prepend(target)
    whole.retain()
    this.leave(0)
    this.#trail.push(whole)
    return this.#prepend(target.replace(/^\/+/, '') || '.')
  }

  #up(): number {
    if (this.#trail.length === 1) {
      return this.#trail[0] === this.#host.whole ? Errno.SUCCESS : Errno.NOTCAPABLE
    }
    this.#trail.pop()?.release()
    return Errno.SUCCESS
  }

  #step(directory: DirectoryNode, name: string, lastLink: LastLink): Resolved | number {
    const isLast = this.#ahead.length === 0
    const node = directory.lookup(name)
    if (typeof node === 'number') {
      if (node !== Errno.NOENT || !isLast) return node
      return new Resolved(directory, name, undefined, this.#mustBeDirectory)
    }
    if (node.kind === 'symlink' && (!isLast || this.#follows(lastLink))) {
      if (++this.#links > MAX_SYMLINKS) return Errno.LOOP
      const target = node.readLink()
      return typeof target === 'number' ? target : this.#follow(target)
    }
    if (isLast) return new Resolved(directory, name, node, this.#mustBeDirectory)
    if (node.kind !== 'directory') return Errno.NOTDIR
    this.#trail.push(node)
    return this.#trail.length > this.#host.grants.limits.pathDepth
      ? Errno.NAMETOOLONG
      : Errno.SUCCESS
  }

  #follows(lastLink: LastLink): boolean {
    return lastLink === 'follow' || (lastLink === 'stop' && this.#mustBeDirectory)
  }
}
