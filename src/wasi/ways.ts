/**
 * The directories that a guest's latest paths have led to, and what it has found in them, so that the next path into one of them is
 * one look at its last name, and the same path none.
 *
 * All this is kept for moments only, never past a call that waits, and dropped when the guest itself changes what leads where, or
 * what is found. A program that other programs change the folders of sees what one sees that has changed into a directory: that very
 * one.
 */
import type { DirectoryNode, Node } from './filesystem.ts'

/** For so long a way is taken for granted. */
export const WAY_LIFE_MS = 100
/** Most ways of an instance at once, and most directories found: each may hold a descriptor of the process. */
export const MAX_WAYS = 128
/** Most of all that was found. */
const MOST_FOUND = 2_048

/** A directory, and what a path used up to get there. */
export interface Way {
  readonly directory: DirectoryNode
  /** Directories passed, this one included. */
  readonly depth: number
  readonly steps: number
  readonly links: number
  /** Of the links' texts. */
  readonly bytes: number
  /** As `believedUntilMs` of directories: all that has led there. */
  readonly believedUntilMs: number
}

/** It holds a reference to the directory, and to those that were found in it. */
export interface KeptWay extends Way {
  readonly untilMs: number
  readonly found: Map<string, Node | number>
}

export class Ways {
  /** By where they begin, and the names that follow, joined by slashes. */
  readonly #kept = new Map<DirectoryNode, Map<string, KeptWay>>()
  #count = 0
  #found = 0
  #foundDirectories = 0

  get(from: DirectoryNode, names: string, nowMs: number): KeptWay | undefined {
    const way = this.#kept.get(from)?.get(names)
    return way !== undefined && nowMs < way.untilMs ? way : undefined
  }

  keep(from: DirectoryNode, names: string, way: Way, nowMs: number): KeptWay {
    const known = this.#kept.get(from)?.get(names)
    if (known !== undefined) this.#drop(known)
    else if (++this.#count > MAX_WAYS) {
      this.clear()
      this.#count = 1
    }
    const ways = this.#kept.get(from) ?? new Map<string, KeptWay>()
    this.#kept.set(from, ways)
    way.directory.retain()
    const kept = { ...way, untilMs: nowMs + WAY_LIFE_MS, found: new Map<string, Node | number>() }
    ways.set(names, kept)
    return kept
  }

  /** As `lookup` of the way's directory. */
  lookup(way: KeptWay, name: string): Node | number {
    const known = way.found.get(name)
    if (known !== undefined) return given(known)
    const found = way.directory.lookup(name)
    const isDirectory = typeof found === 'object' && found.kind === 'directory'
    if (this.#found >= MOST_FOUND || this.#foundDirectories >= MAX_WAYS) this.forget()
    way.found.set(name, found)
    this.#found++
    if (isDirectory) this.#foundDirectories++
    return given(found)
  }

  /** Drops what was found, not the ways there. */
  forget(): void {
    if (this.#found === 0) return
    for (const ways of this.#kept.values()) for (const way of ways.values()) release(way.found)
    this.#found = 0
    this.#foundDirectories = 0
  }

  clear(): void {
    if (this.#count === 0) return
    for (const ways of this.#kept.values()) for (const way of ways.values()) this.#drop(way)
    this.#kept.clear()
    this.#count = 0
    this.#found = 0
    this.#foundDirectories = 0
  }

  #drop(way: KeptWay): void {
    this.#found -= way.found.size
    this.#foundDirectories -= release(way.found)
    way.directory.release()
  }
}

/** Whoever is given a directory gets a reference to it. */
function given(node: Node | number): Node | number {
  if (typeof node === 'object' && node.kind === 'directory') node.retain()
  return node
}

/** How many of them were directories. */
function release(found: Map<string, Node | number>): number {
  let directories = 0
  for (const node of found.values()) {
    if (typeof node === 'number' || node.kind !== 'directory') continue
    directories++
    node.release()
  }
  found.clear()
  return directories
}
