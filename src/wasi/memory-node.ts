/** What files, links and directories in memory have in common: an inode number, times, links, and their place in the quota. */
import type { Clock } from '../base/clock.ts'
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type { Filestat, NewTimes } from './filesystem.ts'
import type { MemoryQuota } from './memory-quota.ts'
import { NEW_FILE, NEW_FOLDER, OWN } from './own-stat.ts'

/** One in-memory file system. */
export interface MemorySystem {
  readonly quota: MemoryQuota
  readonly clock: Clock
  /** Distinguishes file systems in `filestat`. */
  readonly dev: bigint
  /** The next free inode number. */
  nextIno: bigint
  /** To its directories: descriptors, and paths being followed. */
  references: number
  /** Called when there is no reference any more: no name can be reached. */
  onUnreachable: (() => void) | undefined
}

export abstract class MemoryNode {
  readonly system: MemorySystem
  readonly ino: bigint
  readonly filetype: number
  /** Names that lead here. */
  links = 0
  #mode: number
  #atim: bigint
  #mtim: bigint
  #ctim: bigint

  /** The caller has charged the quota for a node with nothing in it, or `chargedBytes`. */
  constructor(system: MemorySystem, filetype: number) {
    this.system = system
    this.filetype = filetype
    this.#mode = filetype === Filetype.Directory ? NEW_FOLDER : NEW_FILE
    this.ino = system.nextIno++
    const now = system.clock.realtimeNs()
    this.#atim = now
    this.#mtim = now
    this.#ctim = now
  }

  abstract get size(): number

  stat(): Filestat {
    return {
      dev: this.system.dev,
      ino: this.ino,
      filetype: this.filetype,
      nlink: BigInt(this.links),
      size: BigInt(this.size),
      mode: this.#mode,
      ...OWN,
      atim: this.#atim,
      mtim: this.#mtim,
      ctim: this.#ctim,
    }
  }

  setMode(mode: number): number {
    this.#ctim = this.system.clock.realtimeNs()
    this.#mode = mode
    return Errno.SUCCESS
  }

  setTimes({ atim, mtim }: NewTimes): number {
    this.#ctim = this.system.clock.realtimeNs()
    this.#atim = atim ?? this.#atim
    this.#mtim = mtim ?? this.#mtim
    return Errno.SUCCESS
  }

  /** Something in it has changed. */
  touch(): void {
    this.#mtim = this.system.clock.realtimeNs()
    this.#ctim = this.#mtim
  }

  /** Takes a name away. */
  unlink(): void {
    this.#ctim = this.system.clock.realtimeNs()
    this.forgetName()
  }

  /** The same where nobody can see the time any more. */
  forgetName(): void {
    this.links--
    this.freeIfUnused()
  }

  protected get isInUse(): boolean {
    return this.links > 0
  }

  protected get chargedBytes(): number {
    return 0
  }

  protected freeIfUnused(): void {
    if (this.isInUse) return
    this.system.quota.releaseNode(this.chargedBytes)
    this.free()
  }

  /** Nothing leads to it any more. */
  protected free(): void {}
}
