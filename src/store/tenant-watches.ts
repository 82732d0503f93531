/** Who wants to hear of a tenant's switches, and what they are told. One watch of a folder (live-watch.ts) serves all. */
import type { Clock } from '../base/clock.ts'
import { Turns } from '../base/turns.ts'
import { type Layout, tenantsOf } from './layout.ts'
import { LiveWatch, type LiveWatchOptions } from './live-watch.ts'
import type { StoreFiles } from './store-files.ts'
import type { StoreReading } from './store-reading.ts'
import type { TenantState } from './tenant-state.ts'

export interface Watch {
  /** No more calls. Idempotent. */
  close(): void
}

export interface WatchCalls<Live> {
  readonly onChange: (live: Live) => void
  /** What is live cannot be read. */
  readonly onError: (error: unknown) => void
}

export interface TenantWatchesOptions<Live> extends LiveWatchOptions {
  readonly layout: Layout
  readonly files: StoreFiles
  readonly reading: StoreReading
  readonly liveOf: (tenant: string, state: TenantState) => Promise<Live>
}

/** When many tenants are switched at a time, so many are looked at at once: requests want files read, too. */
const LOOKS_AT_ONCE = 16

/** What cannot be read is tried again after this long, in milliseconds. */
const RETRY_MS = 5000

interface Watcher<Live> extends WatchCalls<Live> {
  readonly tenant: string
  /** Of the last call. */
  sequence: number
  /** Which file the pointer was when it was looked at last. */
  stamp: string
  isLooking: boolean
  mustLookAgain: boolean
}

/** `Live`: what is live for a tenant. */
export class TenantWatches<Live extends { readonly sequence: number }> {
  readonly #options: TenantWatchesOptions<Live>
  readonly #clock: Clock
  readonly #folder: LiveWatch
  readonly #watchers = new Map<string, Set<Watcher<Live>>>()
  readonly #looks = new Turns(LOOKS_AT_ONCE)

  constructor(options: TenantWatchesOptions<Live>) {
    this.#options = options
    this.#clock = options.clock
    this.#folder = new LiveWatch(options.layout.live, options, {
      onChange: (name) => this.#wake(name),
      count: () => this.#watchers.size,
    })
  }

  /**
   * Calls `onChange` after every switch of a tenant, within 100 ms, with what is live then; of several switches in a row
   * perhaps only with the last. `since`: the sequence the caller has.
   */
  watch(tenant: string, since: number, calls: WatchCalls<Live>): Watch {
    const watcher: Watcher<Live> = {
      ...{ tenant, ...calls, sequence: since, stamp: '' },
      ...{ isLooking: false, mustLookAgain: false },
    }
    // Throws for a name that is none, now and not later.
    this.#options.layout.pointer(tenant)
    const watchers = this.#watchers.get(tenant) ?? new Set<Watcher<Live>>()
    this.#watchers.set(tenant, watchers.add(watcher))
    this.#folder.start()
    void this.#look(watcher)
    return { close: () => this.#forget(watcher) }
  }

  /** Does what reads files for somebody who can wait, as these looks do. */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#looks.take(work)
  }

  /** Idempotent. */
  close(): void {
    this.#watchers.clear()
    this.#folder.stop()
  }

  #forget(watcher: Watcher<Live>): void {
    const watchers = this.#watchers.get(watcher.tenant)
    if (watchers?.delete(watcher) === true && watchers.size === 0) {
      this.#watchers.delete(watcher.tenant)
    }
    if (this.#watchers.size === 0) this.#folder.stop()
  }

  /** `name`: of a pointer's file; undefined: any may have changed. */
  #wake(name: string | undefined): void {
    const some = name === undefined ? this.#watchers.keys() : tenantsOf([name])
    for (const tenant of [...some]) {
      for (const watcher of this.#watchers.get(tenant) ?? []) void this.#look(watcher)
    }
  }

  #isWatching(watcher: Watcher<Live>): boolean {
    return this.#watchers.get(watcher.tenant)?.has(watcher) === true
  }

  async #look(watcher: Watcher<Live>): Promise<void> {
    watcher.mustLookAgain = true
    if (watcher.isLooking) return
    watcher.isLooking = true
    while (watcher.mustLookAgain && this.#isWatching(watcher)) {
      const live = await this.#looks.take(() => {
        watcher.mustLookAgain = false
        return this.#lookOnce(watcher)
      })
      if (live === undefined || !this.#isWatching(watcher)) continue
      watcher.sequence = live.sequence
      watcher.onChange(live)
    }
    watcher.isLooking = false
  }

  /** Undefined: there is nothing new. */
  async #lookOnce(watcher: Watcher<Live>): Promise<Live | undefined> {
    const { files, layout, reading, liveOf } = this.#options
    const { tenant } = watcher
    try {
      const status = await files.status(layout.pointer(tenant))
      const stamp = status === undefined ? 'none' : `${status.inode} ${status.modifiedMs}`
      if (stamp === watcher.stamp) return undefined
      const state = await reading.state(tenant)
      const live = state.sequence === watcher.sequence ? undefined : await liveOf(tenant, state)
      watcher.stamp = stamp
      return live
    } catch (error) {
      if (!this.#isWatching(watcher)) return undefined
      watcher.onError(error)
      this.#clock.after(RETRY_MS, () => void this.#look(watcher))
      return undefined
    }
  }
}
