/** Hardens a module in the thread that calls. */
import { harden } from '../wasm/harden-module.ts'

export interface HardenRequest {
  /** What the memories of one instance may grow to, all together, in bytes. */
  readonly memoryMaxBytes: number
  /** The same for the elements of its tables. */
  readonly tableMaxElements: number
}

/** Plain data. */
export interface Hardened {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Whether an instance can be put back to its first state. */
  readonly isResettable: boolean
}

/** Throws `WasmError`. Takes about 40 ms a megabyte, the first time several times that. */
export function hardenHere(bytes: Uint8Array, options: HardenRequest): Hardened {
  const { bytes: hardened, report } = harden(bytes, options)
  return {
    bytes: hardened,
    isResettable: report.reset.isPossible,
  }
}
