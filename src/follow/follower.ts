/**
 * Keeps a local store in step with a source, many tenants at a time: one that cannot be brought in step holds up no other, nor does one that
 * takes long: the next look does not wait for it.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { toWire, type WireError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { someAtOnce } from '../base/some-at-once.ts'
import type { FollowFacts, FollowStep } from '../ipc/follow-messages.ts'
import { type Replica, WRITTEN_AT_ONCE } from '../store/replica.ts'
import type { ReplicaSource } from '../store/replica-source.ts'
import { paced } from './paced-source.ts'
import type { ReleaseSource, SeenPointers } from './release-source.ts'

/** So many tenants are brought at once: those that are ready at a time are written together. */
const BROUGHT_AT_ONCE = WRITTEN_AT_ONCE

export interface FollowerOptions {
  readonly source: ReleaseSource
  readonly replica: Pick<Replica, 'isInStep' | 'follow'>
  readonly clock: Clock
  readonly logger: Logger
  /** Between two looks. */
  readonly intervalMs: number
  /** A look is over. */
  readonly onFacts: (facts: FollowFacts, step: FollowStep) => void
}

export class Follower {
  readonly #options: FollowerOptions
  readonly #paced: ReplicaSource
  /** The pointers of the source, as they were last seen. */
  #pointers: ReadonlyMap<string, Uint8Array> = new Map()
  /** Tenants that are not in step, and why the last try has failed. */
  readonly #behind = new Map<string, WireError | undefined>()
  /** Of them, those that are being brought. */
  readonly #running = new Map<string, Promise<void>>()
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
    this.#paced = paced(options.source, options.clock)
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
    this.#round = this.#look({ waitsMs: this.#options.intervalMs }).then(() => {
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
    await Promise.all(this.#running.values())
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

  get #step(): FollowStep {
    if (this.#problem !== undefined) return 'no-source'
    const isBringing = [...this.#behind.values()].some((error) => error === undefined)
    return this.#seenMs === undefined || isBringing ? 'bringing' : 'in-step'
  }

  /** Once, and until all that has changed is brought, or cannot be. Never rejects. */
  look(): Promise<void> {
    return this.#look({ waitsMs: undefined })
  }

  /** `waitsMs`: for so long at most for what is brought, which goes on; undefined: for all of it. */
  async #look({ waitsMs }: { readonly waitsMs: number | undefined }): Promise<void> {
    const { source, clock, onFacts } = this.#options
    this.#looks += 1
    try {
      const found = await source.look()
      this.#seenMs = clock.nowMs()
      this.#tell(undefined)
      if (found !== undefined) await this.#compare(found)
      const brought = this.#bringAll()
      if (waitsMs === undefined) await brought
      else await this.#within(waitsMs, brought)
    } catch (error) {
      this.#failures += 1
      this.#tell(toWire(error))
    }
    onFacts(this.facts, this.#step)
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.after(ms, resolve)
    await Promise.race([work, promise])
    timer.cancel()
  }

  /** First those that nothing is known against. */
  async #bringAll(): Promise<void> {
    const all = [...this.#behind].toSorted(
      ([, a], [, b]) => Number(a !== undefined) - Number(b !== undefined),
    )
    await someAtOnce(all, BROUGHT_AT_ONCE, async ([tenant]) => {
      if (this.#isOver) return
      let running = this.#running.get(tenant)
      if (running === undefined && this.#behind.has(tenant)) {
        running = this.#follow(tenant).finally(() => this.#running.delete(tenant))
        this.#running.set(tenant, running)
      }
      await running
    })
  }

  /** Those whose pointers are others than before. A tenant that is gone there stays here: an empty source is more often a mishap. */
  async #compare({ all, changed }: SeenPointers): Promise<void> {
    const before = this.#pointers
    this.#pointers = all
    for (const tenant of changed ?? all.keys()) {
      const live = all.get(tenant)
      if (live === undefined || (changed === undefined && isSame(before.get(tenant), live)))
        continue
      // What cannot be told is tried: that says why.
      const isInStep = await this.#options.replica.isInStep(tenant, live).catch(() => false)
      if (isInStep) this.#behind.delete(tenant)
      else if (!this.#behind.has(tenant)) this.#behind.set(tenant, undefined)
    }
    for (const tenant of this.#behind.keys()) if (!all.has(tenant)) this.#behind.delete(tenant)
  }

  async #follow(tenant: string): Promise<void> {
    const { replica, logger } = this.#options
    const live = this.#pointers.get(tenant)
    if (live === undefined) return
    try {
      const newBytes = await replica.follow(this.#paced, tenant, live)
      this.#newBytes += newBytes
      this.#switches += 1
      // Unless there is something newer again.
      if (this.#pointers.get(tenant) === live) this.#behind.delete(tenant)
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

function isSame(before: Uint8Array | undefined, live: Uint8Array): boolean {
  return before === live || (before !== undefined && Buffer.compare(before, live) === 0)
}
