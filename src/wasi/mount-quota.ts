/**
 * What the guests of a tenant may keep in a writable mount: bytes of files and names, over all workers and requests.
 *
 * What a call would add is charged before it is done, and given back when it is not; the size of a file is given back when its last name
 * and its last descriptor are gone. The folder is counted when a server starts or reloads, and again when the quota is reached, since
 * others may remove files, too.
 */
import { closeSync, constants, fstatSync, lstatSync } from 'node:fs'
import { constants as system } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { LEASE_WRITE, loadFileCalls } from '../base/file-calls.ts'
import { HeldFolder } from '../base/held-folder.ts'
import { countTree } from './count-tree.ts'
import { attempt, Errno } from './errno.ts'
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
    return this.#countAfter(START_PAUSE_MS)
  }

  /** Makes one more name: what `make` answers, or DQUOT. */
  adding<Made>(make: () => Made | number): Made | number {
    if (!this.#account.tryAddName(this.#limits.names)) return this.#refuse()
    const made = make()
    if (typeof made === 'number' && made !== Errno.SUCCESS) this.#account.addNames(-1)
    return made
  }

  /** Removes a name: what `remove` answers. */
  removing(gone: HostName, remove: () => number): number {
    return this.#account.exclusively(() => this.#removeNow(gone, remove))
  }

  /** Renames, perhaps over another name, which is gone then. */
  renaming(from: HostName, to: HostName, rename: () => number): number {
    return this.#account.exclusively(() => {
      const [source, target] = [from, to].map(({ path }) =>
        attempt(() => lstatSync(path, { throwIfNoEntry: false, bigint: true })),
      )
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
      const before = fstatSync(fd).size
      const charged = Math.max(sizeAfter(before) - before, 0)
      if (charged > 0 && !this.#account.tryAddBytes(charged, this.#limits.bytes)) {
        return -this.#refuse()
      }
      const result = change()
      const grown = fstatSync(fd).size - before
      if (grown !== charged) this.#account.addBytes(grown - charged)
      return result
    })
  }

  /** Before an open file is closed by `close`. */
  closing(fd: number, close: () => void): void {
    this.#account.exclusively(() => {
      this.#giveBackIfLast(fd)
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
      if (fd >= 0) this.#giveBackIfLast(fd)
    }
    if (fd >= 0) closeSync(fd)
    return errno
  }

  /** The kernel lets only the one have the lease who alone has the file open. */
  #giveBackIfLast(fd: number): void {
    const stats = attempt(() => fstatSync(fd, { bigint: true }))
    if (typeof stats === 'number' || stats.nlink > 0n || stats.size === 0n) return
    const calls = loadFileCalls()
    if (calls !== undefined && calls.setLease(fd, LEASE_WRITE) === -system.errno.EAGAIN) return
    this.#account.addBytes(-Number(stats.size))
  }

  #refuse(): number {
    void this.#countAfter(RECOUNT_PAUSE_MS)
    return Errno.DQUOT
  }

  async #countAfter(pauseMs: number): Promise<void> {
    const nowMs = Number(this.#clock.realtimeNs() / 1_000_000n)
    if (!this.#account.claimCount(nowMs, pauseMs)) return
    const { bytes, names } = this.#account
    try {
      using folder = HeldFolder.open(this.#folder)
      const found = await countTree(folder.base)
      // What has come and gone meanwhile has been charged on top of what there was.
      this.#account.addBytes(found.bytes - bytes)
      this.#account.addNames(found.names - names)
    } catch {
      // The folder is gone; so is everything in it.
    }
  }
}
