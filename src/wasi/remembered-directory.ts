/**
 * What was found in a folder that its guests cannot change, remembered for all of them together: how a look at a name has ended is
 * believed for a time, as a web server's cache of open files believes it. So most looks of a request are none of the kernel's.
 *
 * Each look is believed for `lifeMs` at most, whoever asks. The folders that were come to stay open for as long, and are closed then,
 * whether somebody asks or not.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { Errno } from './errno.ts'
import type { DirectoryNode, DirectoryReader, Filestat, Node } from './filesystem.ts'
import { ReadOnlyDirectory } from './read-only-directory.ts'

/** Most names and most folders of one tree. */
export const MOST_REMEMBERED = 4_096
/** Most folders of the process: each may hold a descriptor. */
export const MOST_FOLDERS = 2_048

export interface RememberingOptions {
  readonly clock: Clock
  /** How long a look is believed, in milliseconds; not 0. */
  readonly lifeMs: number
}

/** Folders that are remembered in this process. */
let folders = 0

/** One folder and all below it, for one request after the other. */
export class RememberedTree {
  readonly #open: () => DirectoryNode
  readonly #options: RememberingOptions
  #root: RememberedDirectory | undefined
  #untilMs = 0
  #timer: Timer | undefined

  /** `open`: gives away a reference to the folder, and is asked again and again. */
  constructor(open: () => DirectoryNode, options: RememberingOptions) {
    this.#open = open
    this.#options = options
  }

  /** A reference to the folder. */
  readonly take = (): DirectoryNode => {
    const { clock, lifeMs } = this.#options
    const nowMs = clock.nowMs()
    if (this.#root === undefined || nowMs >= this.#untilMs) {
      this.#forget()
      this.#root = new RememberedDirectory(this.#open(), new Memory(this.#options))
      this.#untilMs = nowMs + lifeMs
      this.#timer = clock.after(lifeMs, () => this.#forget())
    }
    this.#root.retain()
    return this.#root
  }

  #forget(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#root?.release()
    this.#root = undefined
  }
}

/** How much of one tree is remembered. */
class Memory {
  readonly options: RememberingOptions
  count = 0

  constructor(options: RememberingOptions) {
    this.options = options
  }

  hasRoomFor(found: unknown): boolean {
    return this.count < MOST_REMEMBERED && (typeof found !== 'object' || folders < MOST_FOLDERS)
  }
}

class RememberedDirectory extends ReadOnlyDirectory {
  /** Held as long as this is. */
  readonly #below: DirectoryNode
  readonly #memory: Memory
  /** By name: each directory is held. */
  readonly #found = new Map<string, Node | number>()
  /** The same by several names; undefined: only `lookup` can tell. */
  readonly #far = new Map<string, RememberedDirectory | number | undefined>()
  #stat: Filestat | undefined
  #untilMs: number
  #references = 1

  /** Takes over a reference. */
  constructor(below: DirectoryNode, memory: Memory) {
    super()
    this.#below = below
    this.#memory = memory
    const { clock, lifeMs } = memory.options
    this.#untilMs = clock.nowMs() + lifeMs
    folders += 1
  }

  retain(): void {
    this.#references += 1
  }

  release(): void {
    this.#references -= 1
    if (this.#references > 0) return
    this.#forget()
    this.#below.release()
    folders -= 1
  }

  open(): number {
    return this.#below.open?.() ?? Errno.SUCCESS
  }

  stat(): Filestat | number {
    this.#forgetOld()
    if (this.#stat !== undefined) return this.#stat
    const stat = this.#below.stat()
    if (typeof stat === 'object') this.#stat = stat
    return stat
  }

  lookup(name: string): Node | number {
    this.#forgetOld()
    const known = this.#found.get(name)
    if (known !== undefined) return given(known)
    const found = this.#below.lookup(name)
    if (typeof found === 'number' && found !== Errno.NOENT) return found // it may be another one soon
    const isFolder = typeof found === 'object' && found.kind === 'directory'
    if (!this.#memory.hasRoomFor(isFolder ? found : undefined)) return found
    const kept = isFolder ? new RememberedDirectory(found, this.#memory) : found
    this.#found.set(name, kept)
    this.#memory.count += 1
    return given(kept)
  }

  descend(names: string): DirectoryNode | number | undefined {
    this.#forgetOld()
    const known = this.#far.get(names)
    if (known !== undefined || this.#far.has(names)) {
      if (typeof known === 'object') known.retain()
      return known
    }
    const found = this.#below.descend?.(names)
    if (typeof found === 'number' && found !== Errno.NOENT) return found
    if (!this.#memory.hasRoomFor(found)) return found
    const kept = typeof found === 'object' ? new RememberedDirectory(found, this.#memory) : found
    this.#far.set(names, kept)
    this.#memory.count += 1
    if (typeof kept === 'object') kept.retain()
    return kept
  }

  recall(names: string): DirectoryNode | number | undefined {
    return this.descend(names)
  }

  believedUntilMs(): number {
    return this.#untilMs
  }

  list(): DirectoryReader | number {
    return this.#below.list()
  }

  inodeOf(name: string): bigint {
    return this.#below.inodeOf(name)
  }

  #forgetOld(): void {
    const { clock, lifeMs } = this.#memory.options
    const nowMs = clock.nowMs()
    if (nowMs < this.#untilMs) return
    this.#forget()
    this.#untilMs = nowMs + lifeMs
  }

  #forget(): void {
    this.#memory.count -= this.#found.size + this.#far.size
    for (const node of this.#found.values()) {
      if (typeof node === 'object' && node.kind === 'directory') node.release()
    }
    for (const node of this.#far.values()) if (typeof node === 'object') node.release()
    this.#found.clear()
    this.#far.clear()
    this.#stat = undefined
  }
}

/** Whoever is given a directory gets a reference to it. */
function given(node: Node | number): Node | number {
  if (typeof node === 'object' && node.kind === 'directory') node.retain()
  return node
}
