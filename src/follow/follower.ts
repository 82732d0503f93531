/** Keeps a local store in step with a source, tenant by tenant: one that cannot be brought in step holds up no other. */
import type { Clock, Timer } from '../base/clock.ts'
import { toWire, type WireError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { FollowFacts } from '../ipc/follow-messages.ts'
import type { Replica } from '../store/replica.ts'
import type { ReleaseSource } from './release-source.ts'

export interface FollowerOptions {
  readonly source: ReleaseSource
  readonly replica: Replica
  readonly clock: Clock
  readonly logger: Logger
  /** Between two looks. */
  readonly intervalMs: number
  /** A look is over. */
  readonly onFacts: (facts: FollowFacts) => void
}

export class Follower {
  readonly #options: FollowerOptions
  /** The pointers of the source, as they were last seen. */
  #pointers: ReadonlyMap<string, Uint8Array> = new Map()
  /** Tenants that are not in step, and why the last try has failed. */
  readonly #behind = new Map<string, WireError | undefined>()
  #timer: Timer | undefined
  #round: Promise<void> = Promise.resolve()
  #isOver = false
  #isLooking = false
  /** Something may have changed since the look that goes on has begun. */
  #isStale = false
  #looks = 0
  #switches = 0
  #newBytes = 0
  #failures = 0
  #seenMs: number | undefined
  #problem: WireError | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** Looks, and looks again, until `close`: after a while, or when the source says that it has changed. */
  start(): void {
    this.#options.source.watch?.(() => {
      if (this.#isLooking) this.#isStale = true
      else this.#again()
    })
    this.#again()
  }

  #again(): void {
    if (this.#isOver) return
    this.#timer?.cancel()
    this.#isLooking = true
    this.#isStale = false
    this.#round = this.look().then(() => {
      this.#isLooking = false
      const { clock, intervalMs } = this.#options
      if (this.#isOver) return
      if (this.#isStale) this.#again()
      else this.#timer = clock.after(intervalMs, () => this.#again())
    })
  }

  /** Resolves when what runs is over. */
  async close(): Promise<void> {
    this.#isOver = true
    this.#timer?.cancel()
    await this.#round
  }

  get facts(): FollowFacts {
    const { clock, source } = this.#options
    const [failing] = [...this.#behind].filter(([, error]) => error !== undefined)
    const error = this.#problem ?? failing?.[1]
    return {
      source: source.name,
      tenants: this.#pointers.size,
      behind: this.#behind.size,
      seenMs: this.#seenMs === undefined ? null : Math.round(clock.nowMs() - this.#seenMs),
      looks: this.#looks,
      switches: this.#switches,
      newBytes: this.#newBytes,
      failures: this.#failures,
      error:
        error === undefined ? null : { code: error.code, message: error.message.slice(0, 500) },
    }
  }

  /** Once. Never rejects. */
  async look(): Promise<void> {
    const { source, clock, onFacts } = this.#options
    this.#looks += 1
    try {
      const found = await source.look()
      this.#seenMs = clock.nowMs()
      this.#tell(undefined)
      if (found !== undefined) await this.#compare(found)
      for (const tenant of [...this.#behind.keys()]) {
        if (this.#isOver) break
        await this.#follow(tenant)
      }
    } catch (error) {
      this.#failures += 1
      this.#tell(toWire(error))
    }
    onFacts(this.facts)
  }

  /** Those whose pointers are others than before. A tenant that is gone there stays here: an empty source is more often a mishap. */
  async #compare(found: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [tenant, live] of found) {
      const before = this.#pointers.get(tenant)
      if (before !== undefined && Buffer.compare(before, live) === 0) continue
      if (await this.#options.replica.isInStep(tenant, live)) this.#behind.delete(tenant)
      else if (!this.#behind.has(tenant)) this.#behind.set(tenant, undefined)
    }
    for (const tenant of this.#behind.keys()) if (!found.has(tenant)) this.#behind.delete(tenant)
    this.#pointers = found
  }

  async #follow(tenant: string): Promise<void> {
    const { source, replica, logger } = this.#options
    const live = this.#pointers.get(tenant)
    if (live === undefined) return
    try {
      this.#newBytes += await replica.follow(source, tenant, live)
      this.#switches += 1
      this.#behind.delete(tenant)
      logger.info({ tenant }, 'followed')
    } catch (error) {
      const wire = toWire(error)
      this.#failures += 1
      const before = this.#behind.get(tenant)
      this.#behind.set(tenant, wire)
      if (before?.message === wire.message) return
      logger.error({ tenant, code: wire.code }, `not followed: ${wire.message}`)
    }
  }

  /** Once for each thing that goes wrong, and when it is over. */
  #tell(problem: WireError | undefined): void {
    const { logger } = this.#options
    const before = this.#problem
    this.#problem = problem
    if (before?.message === problem?.message) return
    if (problem === undefined) logger.info('the source is there again')
    else logger.error({ code: problem.code }, problem.message)
  }
}
