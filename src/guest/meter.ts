/**
 * Couples a hardened instance's checks (`wasm/contract.ts`) with its host.
 *
 * A function in a Wasm table must be a Wasm function, so each check goes through an instance of a tiny module. One pair
 * serves every guest that has not been suspended yet: as long as it has not, the guest that calls is the one that was
 * started last. An instance gets a pair of its own before its first suspension.
 */
import { compileWaitShim } from '../wasi/wait-shim.ts'
import {
  CHECK_TABLE_EXPORT,
  COUNTER_EXPORT,
  DEFAULT_QUOTA,
  END_GUEST,
  MAY_SUSPEND_EXPORT,
  PLAIN_SLOT,
  QUOTA_EXPORT,
  SUSPENDING_SLOT,
} from '../wasm/contract.ts'
import { nextQuota } from '../wasm/quota.ts'

/** What a guest's checks ask. */
export interface Metered {
  /** GO_ON, END_GUEST, or a promise of one of them: the guest is suspended until then. */
  check(): number | Promise<number>
  /** The same where the guest cannot be suspended. */
  plainCheck(): number
}

const makeChecks = compileWaitShim({ check: 0, plainCheck: 0 })

let current: Metered | undefined

const shared = makeChecks({
  check: () => current?.check() ?? END_GUEST,
  plainCheck: () => current?.plainCheck() ?? END_GUEST,
})

/** Runs `enter` (which starts a guest and returns when it ends or is suspended) as the guest that the shared checks ask. */
export function asCurrent<Result>(metered: Metered, enter: () => Result): Result {
  const before = current
  current = metered
  try {
    return enter()
  } finally {
    current = before
  }
}

export class Meter {
  readonly #table: WebAssembly.Table
  readonly #counter: WebAssembly.Global
  readonly #quota: WebAssembly.Global
  readonly #metered: Metered
  #isOwn = false

  /** `exports`: of an instance of a hardened module. */
  constructor(exports: WebAssembly.Exports, metered: Metered) {
    this.#table = exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
    this.#counter = exports[COUNTER_EXPORT] as WebAssembly.Global
    this.#quota = exports[QUOTA_EXPORT] as WebAssembly.Global
    this.#metered = metered
    this.#install(shared)
    const maySuspend = exports[MAY_SUSPEND_EXPORT] as WebAssembly.Global
    maySuspend.value = 1 // everything this host calls, it calls through `promising`
  }

  /** To be called before the guest's first suspension. Idempotent. */
  makeOwn(): void {
    if (this.#isOwn) return
    this.#isOwn = true
    const metered = this.#metered
    this.#install(
      makeChecks({ check: () => metered.check(), plainCheck: () => metered.plainCheck() }),
    )
  }

  /** Sets how much the guest does until its next check, from how long the last stretch took. */
  tune(elapsedMs: number): void {
    this.#quota.value = nextQuota(Number(this.#quota.value), elapsedMs)
  }

  /** Puts counter and quota back to what they were before the first run. */
  restart(): void {
    this.#quota.value = DEFAULT_QUOTA
    this.#counter.value = DEFAULT_QUOTA
  }

  /** Makes the guest's next check come at once. */
  checkNow(): void {
    this.#counter.value = -1
  }

  #install(checks: typeof shared): void {
    this.#table.set(SUSPENDING_SLOT, checks.check)
    this.#table.set(PLAIN_SLOT, checks.plainCheck)
  }
}
