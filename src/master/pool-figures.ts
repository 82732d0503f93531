/** What a pool's workers have counted: those that there are, as they have said last, and those that are gone. */
import type { Clock } from '../base/clock.ts'
import { TENANT_COUNTS, TENANT_GAUGES, type WorkerFigures } from '../base/figures.ts'

/** Of a tenant, over all workers that the pool has had. */
export interface TenantTotals {
  /** In the order of `TENANT_COUNTS`, `TENANT_GAUGES`. */
  readonly counts: number[]
  readonly gauges: number[]
  readonly traps: Map<string, number>
  readonly kills: Map<string, number>
}

export interface PoolTotals {
  readonly tenants: Map<string, TenantTotals>
  /** By upper bound in milliseconds. */
  readonly waits: Map<number, number>
  waitedMs: number
}

/** How long workers may take to answer; then what they have said before counts. */
const ANSWER_MS = 500

/** A worker, as far as this is concerned. */
export interface FiguresMember {
  /** `take` is called with what it says. */
  askFigures(): void
}

interface Round<Worker> {
  readonly waitsFor: Set<Worker>
  readonly over: PromiseWithResolvers<void>
}

export class PoolFigures<Worker extends FiguresMember> {
  readonly #last = new Map<Worker, WorkerFigures>()
  readonly #gone: PoolTotals = emptyTotals()
  readonly #slots = new Map<Worker, number>()
  #round: Round<Worker> | undefined

  /** The smallest number that no other of the workers has: series of workers that follow each other are one. */
  slotOf(worker: Worker): number {
    const known = this.#slots.get(worker)
    if (known !== undefined) return known
    const taken = new Set(this.#slots.values())
    let slot = 0
    while (taken.has(slot)) slot += 1
    this.#slots.set(worker, slot)
    return slot
  }

  /** Asks them, unless that is under way; resolves when all have answered, or after `ANSWER_MS`. */
  ask(workers: readonly Worker[], clock: Clock): Promise<void> {
    if (this.#round !== undefined) return this.#round.over.promise
    if (workers.length === 0) return Promise.resolve()
    const over = Promise.withResolvers<void>()
    this.#round = { waitsFor: new Set(workers), over }
    const timer = clock.after(ANSWER_MS, over.resolve)
    for (const worker of workers) worker.askFigures()
    return over.promise.finally(() => {
      timer.cancel()
      this.#round = undefined
    })
  }

  take(worker: Worker, figures: WorkerFigures): void {
    this.#last.set(worker, figures)
    this.#answered(worker)
  }

  lastOf(worker: Worker): WorkerFigures | undefined {
    return this.#last.get(worker)
  }

  /** The worker has ended: what it has counted stays, what it had at the moment is gone. */
  forget(worker: Worker): void {
    const figures = this.#last.get(worker)
    if (figures !== undefined) addTo(this.#gone, figures, false)
    this.#last.delete(worker)
    this.#slots.delete(worker)
    this.#answered(worker)
  }

  #answered(worker: Worker): void {
    const { waitsFor, over } = this.#round ?? {}
    if (waitsFor?.delete(worker) === true && waitsFor.size === 0) over?.resolve()
  }

  /** `wanted`: the tenants that there are. */
  totals(wanted: ReadonlySet<string>): PoolTotals {
    for (const tenant of this.#gone.tenants.keys()) {
      if (!wanted.has(tenant)) this.#gone.tenants.delete(tenant)
    }
    const totals = emptyTotals()
    for (const [tenant, of] of this.#gone.tenants) {
      totals.tenants.set(tenant, {
        counts: [...of.counts],
        gauges: [...of.gauges],
        traps: new Map(of.traps),
        kills: new Map(of.kills),
      })
    }
    for (const [bound, count] of this.#gone.waits) totals.waits.set(bound, count)
    totals.waitedMs = this.#gone.waitedMs
    for (const figures of this.#last.values()) addTo(totals, figures, true)
    return totals
  }
}

function emptyTotals(): PoolTotals {
  return { tenants: new Map(), waits: new Map(), waitedMs: 0 }
}

function addTo(totals: PoolTotals, figures: WorkerFigures, hasGauges: boolean): void {
  for (const [bound, count] of figures.waits) add(totals.waits, bound, count)
  totals.waitedMs += figures.waitedMs
  for (const { tenant, counts, gauges, traps, kills } of figures.tenants) {
    let of = totals.tenants.get(tenant)
    if (of === undefined) {
      of = {
        counts: TENANT_COUNTS.map(() => 0),
        gauges: TENANT_GAUGES.map(() => 0),
        traps: new Map(),
        kills: new Map(),
      }
      totals.tenants.set(tenant, of)
    }
    for (const [index, count] of counts.entries())
      of.counts[index] = (of.counts[index] ?? 0) + count
    if (hasGauges) {
      for (const [index, gauge] of gauges.entries()) {
        of.gauges[index] = (of.gauges[index] ?? 0) + gauge
      }
    }
    for (const [kind, count] of Object.entries(traps)) add(of.traps, kind, count)
    for (const [kind, count] of Object.entries(kills)) add(of.kills, kind, count)
  }
}

function add<Key>(to: Map<Key, number>, key: Key, count: number): void {
  to.set(key, (to.get(key) ?? 0) + count)
}
