/** Gives each request a slot of its tenant, an instance of its handler and its turns with the thread, and takes them back. */
import type { Clock } from '../base/clock.ts'
import { GuestInstance, type GuestJob, type GuestReport } from '../guest/instance.ts'
import type { GuestModule } from '../guest/module.ts'
import type { KillReason } from '../guest/outcome.ts'
import type { Lifetime } from './lifetime.ts'
import { RunQueue } from './run-queue.ts'
import { type SlotLimits, Slots } from './slots.ts'
import { WarmInstances } from './warm-instances.ts'

export interface PoolJob extends Omit<GuestJob, 'waitTurn' | 'sliceMs'> {
  readonly tenant: string
  readonly limits: SlotLimits
  readonly lifetime: Lifetime
  /** Requests one instance may answer; 0: no limit. */
  readonly maxRequests: number
  readonly module: GuestModule
  /** Registers what to do when the request is given up; a later call replaces the earlier one. */
  readonly onAbort: (giveUp: () => void) => void
  /** Called before the guest runs, with the way to stop it. */
  readonly onStart: (kill: (reason: KillReason) => void) => void
}

export interface PoolReport extends GuestReport {
  /** Milliseconds between asking for an instance and starting it. */
  readonly queuedMs: number
}

/** How long a guest may hold the thread while others want it, in milliseconds. */
export const DEFAULT_SLICE_MS = 1

export class Scheduler {
  readonly #clock: Clock
  readonly #runQueue = new RunQueue(setImmediate)
  readonly #warm = new WarmInstances()
  readonly #tenants = new Map<string, Slots>()
  readonly #running = new Set<GuestInstance>()
  #isStopping = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs one job to its end. Rejects with `PoolError` when it gets no slot; whatever the guest does is in the report. */
  async run(job: PoolJob): Promise<PoolReport> {
    const slots = this.#slotsOf(job)
    let queuedMs = 0
    if (!slots.tryAcquire()) {
      const askedMs = this.#clock.nowMs()
      await slots.acquire(job.onAbort)
      queuedMs = this.#clock.nowMs() - askedMs
    }
    try {
      return { ...(await this.#runInstance(job)), queuedMs }
    } finally {
      slots.release()
    }
  }

  /** Kills every guest and refuses every request that waits. */
  stop(): void {
    this.#isStopping = true
    for (const slots of this.#tenants.values()) slots.refuseAll()
    for (const instance of this.#running) instance.kill('stopping')
  }

  async #runInstance(job: PoolJob): Promise<GuestReport> {
    const place = { tenant: job.tenant, key: `${job.tenant}\0${job.module.digest}` }
    const instance = this.#warm.take(place.key) ?? new GuestInstance(job.module, this.#clock)
    this.#running.add(instance)
    try {
      const kill = (reason: KillReason) => instance.kill(reason)
      job.onStart(kill)
      job.onAbort(() => kill('aborted'))
      const report = instance.run({
        grants: job.grants,
        cpuMs: job.cpuMs,
        wallMs: job.wallMs,
        sliceMs: DEFAULT_SLICE_MS,
        waitTurn: (wake) => this.#runQueue.join(job.tenant, wake),
        onWait: job.onWait,
      })
      if (this.#isStopping) kill('stopping')
      return await report
    } finally {
      this.#running.delete(instance)
      if (isReusable(instance, job)) this.#warm.put(instance, place)
    }
  }

  #slotsOf(job: PoolJob): Slots {
    let slots = this.#tenants.get(job.tenant)
    if (slots === undefined) {
      slots = new Slots(job.tenant, job.limits, this.#clock)
      this.#tenants.set(job.tenant, slots)
    }
    return slots
  }
}

function isReusable(instance: GuestInstance, { lifetime, maxRequests }: PoolJob): boolean {
  if (maxRequests > 0 && instance.runs >= maxRequests) return false
  switch (lifetime) {
    case 'fresh':
      return false
    case 'reset':
      return instance.reset()
    case 'persistent':
      return !instance.isSpent
  }
}
