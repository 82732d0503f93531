/**
 * The module of a tenant whose requests all go to one application: the engine with the application loaded. Requests wait for it; what
 * has failed to load is tried again by later ones; and when a file of it has changed it is loaded anew, before the next request.
 *
 *     first request -> loaded -> requests -> a file changes, or nobody asks for long -> as at first
 */
import type { Clock, Timer } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { GuestError } from '../guest/errors.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { changedFile } from './changed-file.ts'
import { pauseAfter } from './kept-load.ts'

export interface AppModuleOptions {
  readonly clock: Clock
  /** Of the tenant. */
  readonly logger: Logger
  /** The runtime, booted. */
  readonly engine: () => GuestModule | Promise<GuestModule>
  /** Loads the application into what instances of a module begin with. `onFile`: is told at once of each file that it opens, by the guest's path. */
  readonly load: (engine: GuestModule, onFile: (path: string) => void) => Promise<GuestModule>
  /** Changes whenever the file at a guest's path does; undefined: there is none that would matter. */
  readonly identify: (path: string) => string | undefined
  /** How long files are believed to be as they were, in milliseconds. */
  readonly revalidateMs: number
}

/** Changes of more files are not noticed. */
export const MAX_APP_FILES = 8000
/** Who has no request for so long gives back what was loaded. */
const IDLE_MS = 600_000

interface Loaded {
  readonly engine: GuestModule
  readonly module: GuestModule
  readonly files: ReadonlyMap<string, string>
}

interface Failed {
  readonly error: unknown
  /** When it is tried again in any case. */
  readonly untilMs: number
  readonly files: ReadonlyMap<string, string>
}

export class AppModule {
  readonly #options: AppModuleOptions
  #loaded: Loaded | undefined
  #loading: Promise<GuestModule> | undefined
  #failed: Failed | undefined
  /** In a row, with the same files. */
  #failures = 0
  #checkedMs = 0
  #usedMs = 0
  #idleTimer: Timer | undefined
  #isClosed = false

  constructor(options: AppModuleOptions) {
    this.#options = options
  }

  /** What the next request is to be run with. Rejects as `engine` and `load` do. */
  get module(): GuestModule | Promise<GuestModule> {
    if (this.#loading !== undefined) return this.#loading
    const { clock, engine, revalidateMs } = this.#options
    const nowMs = clock.nowMs()
    const loaded = this.#loaded
    if (loaded === undefined || loaded.engine !== engine()) return this.#load()
    this.#usedMs = nowMs
    if (nowMs - this.#checkedMs < revalidateMs) return loaded.module
    this.#checkedMs = nowMs
    const changed = changedFile({ files: loaded.files, identify: this.#options.identify })
    if (changed === undefined) return loaded.module
    return changed instanceof Promise ? this.#afterLook(changed, () => loaded.module) : this.#load()
  }

  /** Resolves when it is loaded. Rejects as `module` does. */
  async ready(): Promise<void> {
    await this.module
  }

  /** Gives back what was loaded. */
  close(): void {
    this.#isClosed = true
    this.#loaded = undefined
    this.#idleTimer?.cancel()
  }

  /** Others wait for the same look. `unchanged`: what comes of it when no file is another one. */
  #afterLook(
    changed: Promise<string | undefined>,
    unchanged: () => GuestModule,
  ): Promise<GuestModule> {
    const looking = changed.then((path) => {
      this.#loading = undefined
      if (path === undefined) return unchanged()
      this.#failed = undefined
      this.#failures = 0
      return this.#load()
    })
    this.#loading = looking
    return looking
  }

  #load(): Promise<GuestModule> {
    const failed = this.#failed
    if (failed !== undefined && this.#options.clock.nowMs() < failed.untilMs)
      return this.#afterFailure(failed)
    this.#failed = undefined
    this.#loaded = undefined
    const loading = this.#make().finally(() => {
      this.#loading = undefined
    })
    this.#loading = loading
    return loading
  }

  /** It is worth another try before its time when one of the files that it has read is another one. */
  #afterFailure({ error, files }: Failed): Promise<GuestModule> {
    const { clock, identify, revalidateMs } = this.#options
    const nowMs = clock.nowMs()
    if (nowMs - this.#checkedMs < revalidateMs) return Promise.reject(error)
    this.#checkedMs = nowMs
    return this.#afterLook(Promise.resolve(changedFile({ files, identify })), () => {
      throw error
    })
  }

  async #make(): Promise<GuestModule> {
    const { clock, engine: engineNow, identify, load, logger } = this.#options
    const engine = await engineNow()
    const startMs = clock.nowMs()
    const files = new Map<string, string>()
    const onFile = (path: string): void => {
      if (files.has(path) || files.size >= MAX_APP_FILES) return
      const identity = identify(path)
      if (identity !== undefined) files.set(path, identity)
    }
    try {
      const module = await load(engine, onFile)
      this.#failures = 0
      this.#checkedMs = this.#usedMs = clock.nowMs()
      const tookMs = Math.round(this.#usedMs - startMs)
      logger.info({ files: files.size, tookMs }, 'application is loaded')
      if (this.#isClosed) return module
      this.#loaded = { engine, module, files }
      this.#dropWhenIdle(this.#loaded)
      return module
    } catch (cause) {
      const { code, details, message } = toWire(cause)
      const said = details['said']
      const traceback = typeof said === 'string' && said !== '' ? `\n${said}` : ''
      logger.error({ code }, `application cannot be loaded: ${message}${traceback}`)
      const error = new GuestError('GUEST_NO_APPLICATION', message, { cause })
      const nowMs = clock.nowMs()
      this.#checkedMs = nowMs
      this.#failures += 1
      this.#failed = { error, untilMs: nowMs + pauseAfter(this.#failures, nowMs - startMs), files }
      throw error
    }
  }

  #dropWhenIdle(loaded: Loaded): void {
    const { clock } = this.#options
    this.#idleTimer?.cancel()
    this.#idleTimer = clock.after(IDLE_MS, () => {
      if (this.#loaded !== loaded) return
      if (clock.nowMs() - this.#usedMs >= IDLE_MS) this.#loaded = undefined
      else this.#dropWhenIdle(loaded)
    })
  }
}
