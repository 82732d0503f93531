/**
 * What the tenants of a pool have had of its workers' threads. A worker whose tenants wait says every few milliseconds what
 * they have had there, and is told what they have had elsewhere since it said so last; one where nobody waits says nothing and is
 * told nothing.
 */
import { MAX_USAGE_ENTRIES, MIN_USAGE_MS, type Usage } from '../base/usage.ts'

/** A worker that has said nothing for so long had nobody waiting: it owes nothing for that time. */
export const FRESH_MS = 200

/** With more tenants, everything begins anew: then what was said between two reports is lost. */
const MAX_TENANTS = 1024

interface Told {
  readonly atMs: number
  /** The sums that the worker has reported or been told. */
  readonly sums: Map<string, number>
}

export class SharedUsage<Member extends object> {
  readonly #sums = new Map<string, number>()
  #told = new WeakMap<Member, Told>()

  /** Takes what tenants have had at `from`; gives what they have had elsewhere. */
  exchange(from: Member, usage: Usage, nowMs: number): Usage {
    if (this.#sums.size > MAX_TENANTS) this.#beginAnew()
    const last = this.#told.get(from)
    const isFresh = last !== undefined && nowMs - last.atMs <= FRESH_MS
    const known = isFresh ? last.sums : new Map(this.#sums)
    this.#told.set(from, { atMs: nowMs, sums: known })
    for (const [tenant, usedMs] of usage) {
      this.#sums.set(tenant, (this.#sums.get(tenant) ?? 0) + usedMs)
      known.set(tenant, (known.get(tenant) ?? 0) + usedMs)
    }
    return this.#news(known)
  }

  #news(known: Map<string, number>): Usage {
    const news: Array<readonly [string, number]> = []
    for (const [tenant, sumMs] of this.#sums) {
      const usedMs = sumMs - (known.get(tenant) ?? 0)
      if (usedMs < MIN_USAGE_MS) continue
      known.set(tenant, sumMs)
      news.push([tenant, usedMs])
      if (news.length === MAX_USAGE_ENTRIES) break
    }
    return news
  }

  #beginAnew(): void {
    this.#sums.clear()
    this.#told = new WeakMap()
  }
}
