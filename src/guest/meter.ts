/**
 * Couples a hardened instance's checks (`wasm/contract.ts`) with its host.
 *
 * A function in a Wasm table must be a Wasm function, so each check goes through an instance of the tiny helper module. One
 * pair serves every guest that has not been suspended yet: as long as it has not, the guest that calls is the one that
 * was started last. An instance gets a pair of its own before its first suspension.
 */
import { suspending } from '../wasi/jspi.ts'
import {
  CHECK_TABLE_EXPORT,
  END_GUEST,
  HELPER_EXPORT,
  HELPER_IMPORT_FIELD,
  HELPER_IMPORT_MODULE,
  MAY_SUSPEND_EXPORT,
  PLAIN_SLOT,
  SUSPENDING_SLOT,
} from '../wasm/contract.ts'
const checkHelperModule = () => Uint8Array.of(0,0x61,0x73,0x6d,1,0,0,0) // INTERIM

/** What a guest's checks ask. */
export interface Metered {
  /** GO_ON, END_GUEST, or a promise of one of them: the guest is suspended until then. */
  check(): number | Promise<number>
  /** The same where the guest cannot be suspended. */
  plainCheck(): number
}

const helperModule = new WebAssembly.Module(checkHelperModule() as Uint8Array<ArrayBuffer>)

let current: Metered | undefined

const shared = makePair({
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
  readonly #metered: Metered
  #isOwn = false

  /** `exports`: of an instance of a hardened module. */
  constructor(exports: WebAssembly.Exports, metered: Metered) {
    this.#table = exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
    this.#metered = metered
    if (this.#table === undefined) return // INTERIM
    this.#install(shared)
    const maySuspend = exports[MAY_SUSPEND_EXPORT] as WebAssembly.Global
    maySuspend.value = 1 // everything this host calls, it calls through `promising`
  }

  /** To be called before the guest's first suspension. Idempotent. */
  makeOwn(): void {
    if (this.#isOwn || this.#table === undefined) return // INTERIM
    this.#isOwn = true
    this.#install(makePair(this.#metered))
  }

  #install(pair: CheckPair): void {
    this.#table.set(SUSPENDING_SLOT, pair.suspendingCheck)
    this.#table.set(PLAIN_SLOT, pair.plainCheck)
  }
}

interface CheckPair {
  readonly suspendingCheck: WebAssembly.ExportValue
  readonly plainCheck: WebAssembly.ExportValue
}

function makePair(metered: Metered): CheckPair {
  return {
    suspendingCheck: reexport(suspending(() => metered.check())),
    plainCheck: reexport(() => metered.plainCheck()),
  }
}

function reexport(check: WebAssembly.ImportValue): WebAssembly.ExportValue {
  const imports = { [HELPER_IMPORT_MODULE]: { [HELPER_IMPORT_FIELD]: check } }
  return new WebAssembly.Instance(helperModule, imports).exports[HELPER_EXPORT] as WebAssembly.ExportValue
}
