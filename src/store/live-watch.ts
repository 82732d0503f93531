/**
 * Watches the folder of the pointers. All lie in one, so one watch (inotify) serves all tenants. Before it is there, the nearest
 * folder on the way to it is watched. Where the system gives no watch, or loses one, the folder is looked at every `pollMs`: a
 * switch is a rename in it, which changes its time.
 *
 * The watch names what has changed, so that a switch costs what its tenant costs. What it does not name (another machine's work on a
 * shared file system, what the kernel drops: Node is not told of it) is found by looking at all, some time after something has changed:
 * the more there are, the later, so that this never takes more than a hundredth of a processor.
 */
import { existsSync, type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'

export interface LiveWatchOptions {
  readonly clock: Clock
  /** Between two looks where there is no watch, in milliseconds. Default 50. */
  readonly pollMs?: number
  /** Never watch: for file systems that tell nothing (network file systems). Default false. */
  readonly pollOnly?: boolean
}

export interface LiveWatchCalls {
  /** A file of this name has changed, or, undefined, any may have. */
  readonly onChange: (name: string | undefined) => void
  /** How many are looked at when any may have. */
  readonly count: () => number
}

/** Where there is a watch, it is still looked at now and then, in milliseconds. */
const SAFETY_POLL_MS = 5_000

/** So much may have been more than the kernel keeps for us (`fs.inotify.max_queued_events`, 16,384 by default): what it drops it does not name. */
const MANY_NAMES = 4_096

/** Between two looks at all, for each of them, in milliseconds: a look takes some 30 us. */
const PAUSE_EACH_MS = 3

/** Two switches within one tick of the file system's clock leave one time: a folder that has just changed may have again. */
const YOUNG_NS = 1_000_000_000n

/** The time of a folder that is not there: nobody has published anything yet. */
const NO_FOLDER = 'none'

export class LiveWatch {
  readonly #folder: string
  readonly #clock: Clock
  readonly #pollMs: number
  readonly #pollOnly: boolean
  readonly #calls: LiveWatchCalls
  #watch: FSWatcher | undefined
  /** The folder that is watched. */
  #watched = ''
  #timer: Timer | undefined
  #stamp = NO_FOLDER
  #inode: bigint | undefined
  /** Names since the last look. */
  #named = 0
  /** Whether the watch is new: what has changed before nobody has named. */
  #isNew = true
  /** Whether changes were named, and others may not have been. */
  #isDoubtful = false
  /** When it was said last that any may have changed. */
  #allMs = Number.NEGATIVE_INFINITY

  constructor(
    folder: string,
    { clock, pollMs = 50, pollOnly = false }: LiveWatchOptions,
    calls: LiveWatchCalls,
  ) {
    this.#folder = folder
    this.#clock = clock
    this.#pollMs = pollMs
    this.#pollOnly = pollOnly
    this.#calls = calls
  }

  /** Idempotent. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#open()
    this.#lookLater()
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#close()
  }

  get #isThere(): boolean {
    return this.#watched === this.#folder
  }

  #close(): void {
    this.#watch?.close()
    this.#watch = undefined
    this.#watched = ''
  }

  /** Watches the folder, or what is there of the way to it. */
  #open(): void {
    if (this.#pollOnly) return
    let next = ''
    for (let place = this.#folder; ; next = basename(place), place = dirname(place)) {
      this.#close()
      try {
        this.#watch = watch(place, { persistent: false }, (_event, name) =>
          this.#changed(name ?? undefined, next),
        )
      } catch (error) {
        if (systemCodeOf(error) === 'ENOENT' && place !== dirname(place)) continue
        return // no inotify left: it is polled
      }
      this.#watched = place
      this.#isNew = true
      this.#watch.on('error', () => this.#lose())
      // What has come in between nobody tells.
      if (next !== '' && existsSync(join(place, next))) this.#open()
      return
    }
  }

  /** `next`: what is missing there of the way. */
  #changed(name: string | undefined, next: string): void {
    if (next === '') {
      // What happens to the folder itself has the folder's name.
      if (name !== undefined && name !== basename(this.#folder)) this.#named += 1
      this.#calls.onChange(name)
    } else if (name === undefined || name === next) this.#lookNow()
  }

  #lookNow(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#open()
    this.#lookLater(0)
  }

  #lose(): void {
    this.#close()
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#lookLater()
  }

  #lookLater(delayMs = this.#watch === undefined ? this.#pollMs : SAFETY_POLL_MS): void {
    this.#timer = this.#clock.after(delayMs, () => void this.#look())
  }

  async #look(): Promise<void> {
    const timer = this.#timer
    const named = this.#named
    this.#named = 0
    const { stamp, inode, isYoung } = await stat(this.#folder, { bigint: true }).then(
      ({ ino, mtimeNs }) => ({
        ...{ stamp: `${ino}:${mtimeNs}`, inode: ino },
        isYoung: this.#clock.realtimeNs() - mtimeNs < YOUNG_NS,
      }),
      () => ({ stamp: NO_FOLDER, inode: undefined, isYoung: false }),
    )
    // One that was moved away is watched where it is now.
    const isAnother = inode === undefined ? this.#isThere : inode !== this.#inode || !this.#isThere
    if (this.#timer === timer && isAnother) this.#open()
    this.#inode = inode
    if (stamp !== this.#stamp || isYoung) await this.#compareNames(named)
    this.#stamp = stamp
    if (this.#isDoubtful && this.#mayLookAtAll) this.#anyMayHaveChanged()
    if (this.#timer === timer) this.#lookLater()
  }

  /** The folder has changed since the last look. `before`: so many names have come before this one. */
  async #compareNames(before: number): Promise<void> {
    const isTrusted = this.#isThere && !this.#isNew
    // They may be on their way.
    if (isTrusted && before + this.#named === 0) {
      await new Promise<void>((resolve) => this.#clock.after(this.#pollMs, resolve))
    }
    const named = before + this.#named
    if (isTrusted && named > 0 && named < MANY_NAMES) this.#isDoubtful = true
    else this.#anyMayHaveChanged()
  }

  get #mayLookAtAll(): boolean {
    return this.#clock.nowMs() - this.#allMs >= PAUSE_EACH_MS * this.#calls.count()
  }

  #anyMayHaveChanged(): void {
    this.#isNew = false
    this.#isDoubtful = false
    this.#allMs = this.#clock.nowMs()
    this.#calls.onChange(undefined)
  }
}
