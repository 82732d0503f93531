/** Couples a hardened instance's checks (`wasm/contract.ts`) with its host. */
import type { WasiHost } from '../wasi/host.ts'
import {
  CHECK_TABLE_EXPORT,
  COUNTER_EXPORT,
  MAY_SUSPEND_EXPORT,
  PLAIN_SLOT,
  QUOTA_EXPORT,
  SUSPENDING_SLOT,
} from '../wasm/contract.ts'
import { firstQuota, nextQuota } from '../wasm/quota.ts'

export class Meter {
  readonly #counter: WebAssembly.Global
  readonly #quota: WebAssembly.Global
  #memoryBytes = 0

  readonly #maySuspend: WebAssembly.Global

  /** `exports`: of an instance of a hardened module. */
  constructor(exports: WebAssembly.Exports, { check, plainCheck }: WasiHost['checks']) {
    const table = exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
    table.set(SUSPENDING_SLOT, check)
    table.set(PLAIN_SLOT, plainCheck)
    this.#counter = exports[COUNTER_EXPORT] as WebAssembly.Global
    this.#quota = exports[QUOTA_EXPORT] as WebAssembly.Global
    this.#maySuspend = exports[MAY_SUSPEND_EXPORT] as WebAssembly.Global
    this.maySuspend = true // everything this host calls, it calls through `promising`
  }

  /** Whether its checks may suspend it. */
  set maySuspend(may: boolean) {
    this.#maySuspend.value = may ? 1 : 0
  }

  /**
   * Sets how much the guest does until its next check, from how long the last stretch took, and whether its memory has grown.
   * `isEarly`: it had not done as much as it might have, so that a short stretch says nothing.
   */
  tune(elapsedMs: number, memoryBytes: number, isEarly: boolean): void {
    const quota = Number(this.#quota.value)
    const wanted = nextQuota(quota, elapsedMs)
    const next = isEarly ? Math.min(wanted, quota) : wanted
    const hasGrown = memoryBytes !== this.#memoryBytes
    const following = hasGrown ? Math.min(next, firstQuota(memoryBytes)) : next
    this.#memoryBytes = memoryBytes
    if (following === quota) return
    this.#quota.value = following
    // What comes after this very check has been given the quota of before.
    if (following < quota) this.#counter.value = following
  }

  /** Makes the next checks of a guest with much memory come early, the very next one included. */
  hurry(): void {
    const quota = firstQuota(this.#memoryBytes)
    if (Number(this.#quota.value) > quota) this.#quota.value = quota
    if (Number(this.#counter.value) > quota) this.#counter.value = quota
  }

  /** Sets counter and quota for a new run of a guest with so much memory. */
  restart(memoryBytes: number): void {
    this.#memoryBytes = memoryBytes
    const quota = firstQuota(memoryBytes)
    this.#quota.value = quota
    this.#counter.value = quota
  }

  /** Makes the guest's next check come at once. */
  checkNow(): void {
    this.#counter.value = -1
  }
}
