/**
 * Whether a release fails so often after its switch that it should go back (`auto_rollback`). Counts, and is told the time.
 * A worker has one for each release that asks for it, and counts what it answers itself.
 */
import type { AutoRollback } from './manifest.ts'
import type { LiveHandler } from './release-reader.ts'

export class TrapWatch {
  readonly #rule: AutoRollback
  readonly #endMs: number
  #requests = 0
  #failures = 0
  #isOver = false

  /** `sinceMs`: of the switch, in milliseconds since 1970. */
  constructor(rule: AutoRollback, sinceMs: number) {
    this.#rule = rule
    this.#endMs = sinceMs + rule.withinMs
  }

  get requests(): number {
    return this.#requests
  }

  get failures(): number {
    return this.#failures
  }

  /**
   * Counts a request that the release has answered, or failed to (`hasFailed`: it trapped or exceeded a limit). True, once:
   * it has failed in more than its share, and should go back. `nowMs`: since 1970.
   */
  count(hasFailed: boolean, nowMs: number): boolean {
    if (this.#isOver || nowMs > this.#endMs) return false
    this.#requests += 1
    if (hasFailed) this.#failures += 1
    const { requests, traps } = this.#rule
    this.#isOver = this.#requests >= requests && this.#failures > this.#requests * traps
    return this.#isOver
  }
}

/** Undefined: the release does not ask for it, or its time is over. `nowMs`: since 1970. */
export function watchFor({ release, sinceMs }: LiveHandler, nowMs: number): TrapWatch | undefined {
  const rule = release.manifest.autoRollback
  if (rule === undefined || nowMs > sinceMs + rule.withinMs) return undefined
  return new TrapWatch(rule, sinceMs)
}
