/** Reloads, restarts and upgrades of a master: one after the other, when it has started. */
import type { Logger } from '../base/logger.ts'
import { masterBusy } from './errors.ts'
import type { LifeEvent, LifeState } from './life-cycle.ts'
import type { Notifier } from './sd-notify.ts'

/** Those that may wait for the one that is under way. */
const MAX_WAITING = 16

export interface ChangeQueueOptions {
  readonly logger: Logger
  readonly notifier: Notifier
  readonly state: () => LifeState
  /** Whether the event changes the state. */
  readonly enter: (event: LifeEvent) => boolean
  /** Of what is served, for people. */
  readonly summary: () => string
  /** One has changed something. */
  readonly onDone: () => void
}

export class ChangeQueue {
  readonly #options: ChangeQueueOptions
  readonly #started = Promise.withResolvers<void>()
  #last: Promise<unknown> = this.#started.promise
  #waiting = 0

  constructor(options: ChangeQueueOptions) {
    this.#options = options
    // Without a change that waits for it, nobody else hears of a start that failed.
    this.#started.promise.catch(() => undefined)
  }

  /** `start`: before all of them; when it fails, none happens, and that is thrown. */
  async begin(start: () => Promise<void>): Promise<void> {
    try {
      await start()
    } catch (error) {
      this.#started.reject(error)
      throw error
    }
    this.#started.resolve()
  }

  /** Resolves with what `action`, called `what`, comes to. Throws `MasterError` (MASTER_BUSY). */
  run(what: string, action: () => Promise<string>): Promise<string> {
    if (this.#waiting >= MAX_WAITING) {
      return Promise.reject(masterBusy(what, `${this.#waiting} others wait already`))
    }
    this.#waiting += 1
    const done = this.#last.then(() => this.#runNow(what, action))
    this.#last = done.catch(() => undefined)
    return done
  }

  async #runNow(what: string, action: () => Promise<string>): Promise<string> {
    const { logger, notifier, enter, state, summary, onDone } = this.#options
    this.#waiting -= 1
    if (!enter('reload')) throw masterBusy(what, `it is ${state()}`)
    notifier.reloading()
    try {
      const message = await action()
      logger.info({ summary: message }, `${what} is done`)
      setImmediate(onDone)
      return message
    } catch (error) {
      logger.error(`${what} has changed nothing: ${error instanceof Error ? error.message : error}`)
      throw error
    } finally {
      if (enter('reloaded')) notifier.ready(summary())
    }
  }
}
