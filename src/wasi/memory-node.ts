/** What files, links and directories in memory have in common: an inode number, times, links, and their place in the quota. */
import type { Clock } from '../base/clock.ts'
import { Errno } from './errno.ts'
import type { Filestat, NewTimes } from './filesystem.ts'
import type { MemoryQuota } from './memory-quota.ts'
import { OWN } from './own-stat.ts'

let systems = 0x6d656dn

/** One in-memory file system. */
export class MemorySystem {
  readonly quota: MemoryQuota
  /** Distinguishes file systems in `filestat`. */
  readonly dev: bigint = systems++
  /** To its directories: descriptors, and paths being followed. */
  references = 0
  /** Called when there is no reference any more: no name can be reached. */
  onUnreachable: (() => void) | undefined
  readonly #clock: Clock
  #inodes = 0
  #timeNs = 0n
  /** Until when that is the time. */
  #timeEndMs = Number.NEGATIVE_INFINITY

  constructor(quota: MemoryQuota, clock: Clock) {
    this.quota = quota
    this.#clock = clock
  }

  /** The next free inode number. */
  takeIno(): number {
    this.#inodes += 1
    return this.#inodes
  }

  /** Of what is changed now, in nanoseconds; it goes on by a millisecond, as a kernel's does by some, so that it is one object for many files. */
  get timeNs(): bigint {
    const nowMs = this.#clock.nowMs()
    if (nowMs >= this.#timeEndMs) {
      this.#timeNs = this.#clock.realtimeNs()
      this.#timeEndMs = nowMs + TIME_STEP_MS
    }
    return this.#timeNs
  }
}

const TIME_STEP_MS = 1

/** Small, and of few objects: a guest may make tens of thousands of files, and the collector looks at each. */
export abstract class MemoryNode {
  readonly system: MemorySystem
  readonly #ino: number
  /** Names that lead here. */
  links = 0
  #mode: number
  #atim: bigint
  #mtim: bigint
  #ctim: bigint

  /** The caller has charged the quota for a node with nothing in it, or `chargedBytes`. */
  constructor(system: MemorySystem, mode: number) {
    this.system = system
    this.#ino = system.takeIno()
    this.#mode = mode
    const now = system.timeNs
    this.#atim = now
    this.#mtim = now
    this.#ctim = now
  }

  abstract get filetype(): number

  abstract get size(): number

  get ino(): bigint {
    return BigInt(this.#ino)
  }

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
    this.#ctim = this.system.timeNs
    this.#mode = mode
    return Errno.SUCCESS
  }

  setTimes({ atim, mtim }: NewTimes): number {
    this.#ctim = this.system.timeNs
    this.#atim = atim ?? this.#atim
    this.#mtim = mtim ?? this.#mtim
    return Errno.SUCCESS
  }

  /** Something in it has changed. */
  touch(): void {
    this.#mtim = this.system.timeNs
    this.#ctim = this.#mtim
  }

  /** Takes a name away. */
  unlink(): void {
    this.#ctim = this.system.timeNs
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
