/**
 * What the guests of a tenant may keep in a writable mount: bytes of files and names, over all workers and requests.
 *
 * What a call would add is charged before it is done, and given back when it is not; the size of a file is given back when its last name
 * and its last descriptor are gone. The folder is counted when a server starts or reloads, and again when the quota is reached, since
 * others may remove files, too.
 */
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync } from 'node:fs'
import { constants as system } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { LEASE_WRITE, loadFileCalls } from '../base/file-calls.ts'
import { countTree } from './count-tree.ts'
import { attempt, Errno } from './errno.ts'
import type { Space } from './filesystem.ts'
import { type HostName, openName } from './host-name.ts'
import type { UsageAccount } from './usage-ledger.ts'

export interface MountLimits {
  /** Sizes of all files together. */
  readonly bytes: number
  /** Files, folders and links. */
  readonly names: number
}

/** Workers that start at the same time count once. */
const START_PAUSE_MS = 5_000
/** How often a folder whose quota is reached is counted. */
const RECOUNT_PAUSE_MS = 60_000

export interface MountQuotaParts {
  readonly account: UsageAccount
  readonly limits: MountLimits
  /** Path of the folder. */
  readonly folder: string
  readonly clock: Clock
}

export class MountQuota {
  readonly #account: UsageAccount
  readonly #limits: MountLimits
  readonly #folder: string
  readonly #clock: Clock

  constructor({ account, limits, folder, clock }: MountQuotaParts) {
    this.#account = account
    this.#limits = limits
    this.#folder = folder
    this.#clock = clock
  }

  /** Counts the folder, unless another worker has just begun to. Never rejects. */
  start(): Promise<void> {
    return this.#countAfter(START_PAUSE_MS, { forgetHeld: true })
  }

  /** Of the quota; the disk may have less. */
  space(): Space {
    const { bytes } = this.#limits
    return { bytes, free: Math.max(bytes - this.#account.sums().bytes, 0) }
  }

  /**
   * Makes one more name: what `make` answers, or DQUOT, or EXIST where it is there already. `make` must not come back here, but for
   * `linking`. One worker at a time: a name that is charged for a moment, and then turns out to be there, would be missed by the others.
   */
  adding<Made>({ path }: HostName, make: () => Made | number): Made | number {
    return this.#account.exclusively(() => {
      if (!this.#account.tryAddName(this.#limits.names))
        return typeof look(path) === 'object' ? Errno.EXIST : this.#refuse()
      const made = make()
      if (typeof made === 'number' && made !== Errno.SUCCESS) this.#account.addNames(-1)
      else this.#account.moved(0, 1)
      return made
    })
  }

  /** What has this name is about to get the one that is made (`adding`). */
  linking({ path }: HostName): void {
    this.#moves(path)
  }

  /** Removes a name: what `remove` answers. */
  removing(gone: HostName, remove: () => number): number {
    return this.#account.exclusively(() => this.#removeNow(gone, remove))
  }

  /** Renames, perhaps over another name, which is gone then. */
  renaming(from: HostName, to: HostName, rename: () => number): number {
    return this.#account.exclusively(() => {
      const source = this.#moves(from.path)
      const target = look(to.path)
      const isReplaced = typeof source === 'object' && typeof target === 'object'
      // Two names of one file: both stay.
      if (!isReplaced || (source.ino === target.ino && source.dev === target.dev)) return rename()
      return this.#removeNow(to, rename)
    })
  }

  /**
   * Changes the size of an open file, at most to `sizeAfter` the one it has: what `change` answers, a count or minus an errno;
   * or minus DQUOT.
   */
  resizing(fd: number, sizeAfter: (size: number) => number, change: () => number): number {
    return this.#account.exclusively(() => {
      const { size: before, nlink } = fstatSync(fd)
      const charged = Math.max(sizeAfter(before) - before, 0)
      if (charged > 0 && !this.#account.tryAddBytes(charged, this.#limits.bytes)) {
        return -this.#refuse()
      }
      const result = change()
      const grown = fstatSync(fd).size - before
      if (grown !== charged) this.#account.addBytes(grown - charged)
      if (nlink === 0 && grown !== 0) this.#account.hold(grown)
      return result
    })
  }

  /** Before an open file is closed by `close`. */
  closing(fd: number, close: () => void): void {
    this.#account.exclusively(() => {
      const bytes = bytesWithoutName(fd)
      if (bytes > 0 && isAlone(fd)) this.#account.free(bytes)
      close()
    })
  }

  #removeNow(gone: HostName, remove: () => number): number {
    const stats = attempt(() => lstatSync(gone.path))
    const isFile = typeof stats !== 'number' && stats.isFile() && stats.size > 0
    const fd = isFile ? openName(gone, constants.O_RDONLY | constants.O_NONBLOCK) : -1
    const errno = remove()
    if (errno === Errno.SUCCESS) {
      this.#account.addNames(-1)
      const bytes = fd < 0 ? 0 : bytesWithoutName(fd)
      if (bytes > 0 && isAlone(fd)) this.#account.addBytes(-bytes)
      else this.#account.hold(bytes)
    }
    if (fd >= 0) closeSync(fd)
    return errno
  }

  /** Before it gets another name: what it is; undefined: nothing. */
  #moves(path: string): BigIntStats | number | undefined {
    const stats = look(path)
    if (typeof stats !== 'object') return stats
    if (stats.isDirectory()) this.#account.movedFolder()
    else this.#account.moved(Number(stats.size), 1)
    return stats
  }

  #refuse(): number {
    void this.#countAfter(RECOUNT_PAUSE_MS, { forgetHeld: false })
    return Errno.DQUOT
  }

  async #countAfter(pauseMs: number, how: { readonly forgetHeld: boolean }): Promise<void> {
    const nowMs = Number(this.#clock.realtimeNs() / 1_000_000n)
    if (!this.#account.claimCount(nowMs, pauseMs)) return
    try {
      const before = this.#account.sums()
      this.#account.correct(before, await countTree(this.#folder), how)
    } catch {
      // The folder is gone; so is everything in it.
    }
  }
}

function look(path: string): BigIntStats | number | undefined {
  return attempt(() => lstatSync(path, { throwIfNoEntry: false, bigint: true }))
}

/** Of an open file; 0: it has a name. */
function bytesWithoutName(fd: number): number {
  const stats = attempt(() => fstatSync(fd))
  return typeof stats === 'number' || stats.nlink > 0 ? 0 : stats.size
}

/** Whether nobody else has the file open: the kernel lets only such a one have the lease. */
function isAlone(fd: number): boolean {
  return loadFileCalls()?.setLease(fd, LEASE_WRITE) !== -system.errno.EAGAIN
}
