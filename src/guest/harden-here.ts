/** Hardens a module in the thread that calls. */
import { type HardenOptions, harden } from '../wasm/harden-module.ts'

/** Plain data. */
export interface Hardened {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Whether an instance can be put back to its first state. */
  readonly isResettable: boolean
}

/** Throws `WasmError`. Takes about 40 ms a megabyte, the first time several times that. */
export function hardenHere(bytes: Uint8Array, options: HardenOptions): Hardened {
  const { bytes: hardened, report } = harden(bytes, options)
  return {
    bytes: hardened,
    isResettable: report.reset.isPossible,
  }
}
