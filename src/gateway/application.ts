/**
 * A tenant's scripts as one runtime runs them: which of them requests open is learned, and loaded once, into what the runtime's
 * instances then begin with. Loading runs none of the tenant's code, but for requests that it wants to be run ahead.
 *
 *     requests open files -> none is new any more -> loaded with the engine -> a file changes -> without them, and again
 */
import type { Clock, Timer } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { changedFile, identifyFiles } from './changed-file.ts'

export interface ApplicationOptions {
  readonly clock: Clock
  /** Of the tenant. */
  readonly logger: Logger
  /** Endings of files that the runtime can load. */
  readonly extensions: readonly string[]
  /** The runtime, booted. */
  readonly engine: () => GuestModule | Promise<GuestModule>
  /**
   * Loads files, by the paths of the guest, into what instances of a module begin with; then runs requests, if there are any.
   * `onFile`: wants to know what these open.
   */
  readonly load: (
    engine: GuestModule,
    files: readonly string[],
    onFile?: (path: string) => void,
  ) => Promise<GuestModule>
  /** Whether there are. */
  readonly hasRequests: boolean
  /** Changes whenever the file at a guest's path does; undefined: there is none. */
  readonly identify: (path: string) => string | undefined
  /** How long files are believed to be as they were, in milliseconds. */
  readonly revalidateMs: number
  /** How much longer it waits, in milliseconds, when it would only load more than is loaded already. Default: 0. */
  readonly morePauseMs?: () => number
}

/** More files are not loaded ahead. */
export const MAX_FILES = 4000
/** Longer paths are not either. */
const MAX_PATH_CHARS = 1024
/** Runs that open no new file, or so many milliseconds, after which what was learned is loaded. */
const QUIET_RUNS = 16
const QUIET_MS = 1000
/** Loading may take up to this share of the time. */
const LOADING_SHARE = 0.1
const LEAST_PAUSE_MS = 1000
const MOST_PAUSE_MS = 60_000
/** Who has no request for so long gives back what was loaded. */
const IDLE_MS = 600_000
/** A file that so often was another one soon after it was loaded is left to requests: all others would be loaded anew with it. */
const MOST_CHANGES = 8
const SOON_MS = 60_000

interface Loaded {
  readonly engine: GuestModule
  readonly module: GuestModule
  readonly files: ReadonlyMap<string, string>
  /** When that was, on the clock. */
  readonly sinceMs: number
  /** Whether the files are what they were, while that is found out. */
  checking: Promise<boolean> | undefined
}

export class Application {
  readonly #options: ApplicationOptions
  readonly #known = new Set<string>()
  /** How often files have changed soon after they were loaded. */
  readonly #changes = new Map<string, number>()
  #loaded: Loaded | undefined
  /** Whether there is something to load that is not loaded. */
  #hasNews = false
  #newsMs = 0
  #quietRuns = 0
  #isLoading = false
  #notBeforeMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #checkedMs = 0
  #usedMs = 0
  #idleTimer: Timer | undefined

  constructor(options: ApplicationOptions) {
    this.#options = options
    this.#hasNews = options.hasRequests
  }

  /** Whether something will be loaded soon where nothing is yet. */
  get isComing(): boolean {
    const isWanted = this.#hasNews || this.#isLoading
    return this.#loaded === undefined && this.#failures === 0 && isWanted
  }

  /** What the next request is to be run with. Rejects as `engine` does. */
  get module(): GuestModule | Promise<GuestModule> {
    const { clock, engine: engineNow, revalidateMs } = this.#options
    const engine = engineNow()
    const loaded = this.#loaded
    if (loaded === undefined || engine instanceof Promise) return engine
    if (loaded.engine !== engine) {
      this.#drop()
      return engine
    }
    this.#usedMs = clock.nowMs()
    if (this.#usedMs - this.#checkedMs >= revalidateMs) {
      this.#checkedMs = this.#usedMs
      const isSame = this.#check(loaded)
      if (typeof isSame === 'object') loaded.checking = isSame
      else if (!isSame) return engine
    }
    return loaded.checking?.then((isSame) => (isSame ? loaded.module : engine)) ?? loaded.module
  }

  /** Resolves when requests that are to be run ahead have been, or cannot be. Rejects as `engine` does. */
  async ready(): Promise<void> {
    const { engine, hasRequests } = this.#options
    await engine()
    if (hasRequests && this.#loaded === undefined && !this.#isLoading) await this.#load()
  }

  /** Whether a file has been opened before. */
  knows(path: string): boolean {
    return this.#known.has(path)
  }

  /** A request has opened a file. */
  opened(path: string): void {
    if (this.#known.has(path) || this.#known.size >= MAX_FILES) return
    const { clock, extensions } = this.#options
    if (path.length > MAX_PATH_CHARS || path.includes('\n')) return
    if (!extensions.some((extension) => path.endsWith(extension))) return
    if ((this.#changes.get(path) ?? 0) >= MOST_CHANGES) return
    this.#known.add(path)
    this.#hasNews = true
    this.#newsMs = clock.nowMs()
    this.#quietRuns = 0
  }

  /** A request has ended. */
  ended(): void {
    if (!this.#hasNews || this.#isLoading) return
    this.#quietRuns += 1
    const { clock, morePauseMs } = this.#options
    const nowMs = clock.nowMs()
    const isMore = this.#loaded !== undefined
    // The first time at once.
    const isQuiet = this.#quietRuns >= QUIET_RUNS || nowMs - this.#newsMs >= QUIET_MS
    const notBeforeMs = this.#notBeforeMs + (isMore ? (morePauseMs?.() ?? 0) : 0)
    if (nowMs < notBeforeMs || (isMore && !isQuiet)) return
    void this.#load()
  }

  /** Gives back what was loaded. */
  close(): void {
    this.#drop()
    this.#idleTimer?.cancel()
  }

  async #load(): Promise<void> {
    const { clock, engine: engineNow, hasRequests, logger } = this.#options
    this.#isLoading = true
    const startMs = clock.nowMs()
    try {
      const engine = await engineNow()
      let loaded = await this.#make(engine, (path) => this.opened(path))
      // What requests that were run have opened besides must be known to be as it was before. Once: it may be others every time.
      if (hasRequests && this.#hasNews) loaded = await this.#make(engine)
      const { files } = loaded
      this.#loaded = loaded
      this.#failures = 0
      this.#usedMs = clock.nowMs()
      this.#checkedMs = this.#usedMs
      this.#dropWhenIdle()
      logger.debug(
        { files: files.size, tookMs: Math.round(this.#usedMs - startMs) },
        'scripts are loaded ahead',
      )
    } catch (error) {
      this.#failures += 1
      this.#hasNews = true
      const { code, message } = toWire(error)
      logger.warn({ code }, `scripts are not loaded ahead, requests load them: ${message}`)
    }
    const tookMs = clock.nowMs() - startMs
    const pauseMs = Math.max(LEAST_PAUSE_MS * 2 ** this.#failures, tookMs / LOADING_SHARE)
    this.#notBeforeMs = clock.nowMs() + Math.min(pauseMs, MOST_PAUSE_MS)
    this.#isLoading = false
  }

  async #make(engine: GuestModule, onFile?: (path: string) => void): Promise<Loaded> {
    this.#hasNews = false
    // Before they are read: what changes meanwhile is found changed.
    const files = await identifyFiles([...this.#known], this.#options.identify)
    for (const path of this.#known) if (!files.has(path)) this.#known.delete(path)
    const module = await this.#options.load(engine, [...files.keys()].sort(), onFile)
    return { engine, module, files, sinceMs: this.#options.clock.nowMs(), checking: undefined }
  }

  /** Whether the files are what they were, from one on; what was loaded is dropped if they are not. */
  #check(loaded: Loaded): boolean | Promise<boolean> {
    const { identify } = this.#options
    const changed = changedFile({ files: loaded.files, identify })
    return changed instanceof Promise
      ? changed.then((path) => this.#checked(loaded, path))
      : this.#checked(loaded, changed)
  }

  #checked(loaded: Loaded, changed: string | undefined): boolean {
    loaded.checking = undefined
    if (changed === undefined) return true
    this.#noteChange(changed, loaded)
    if (this.#loaded === loaded) this.#drop()
    return false
  }

  #noteChange(path: string, { sinceMs }: Loaded): void {
    const isSoon = this.#options.clock.nowMs() - sinceMs < SOON_MS
    if (!isSoon || this.#changes.size > MAX_FILES) this.#changes.clear()
    const changes = (this.#changes.get(path) ?? 0) + 1
    this.#changes.set(path, changes)
    if (changes >= MOST_CHANGES) this.#known.delete(path)
  }

  #drop(): void {
    this.#loaded = undefined
    this.#hasNews = this.#known.size > 0 || this.#options.hasRequests
  }

  #dropWhenIdle(): void {
    const { clock } = this.#options
    this.#idleTimer ??= clock.after(IDLE_MS, () => {
      this.#idleTimer = undefined
      if (this.#loaded === undefined) return
      if (clock.nowMs() - this.#usedMs >= IDLE_MS) this.#drop()
      else this.#dropWhenIdle()
    })
  }
}
