/** Hardens a module or a component in the thread that calls. */
import { hardenComponent } from '../component/harden-component.ts'
import { isComponent } from '../component/preamble.ts'
import { type HardenOptions, harden } from '../wasm/harden-module.ts'

/** Plain data. */
export interface Hardened {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Whether an instance can be put back to its first state. */
  readonly isResettable: boolean
}

/** Throws `WasmError` and `ComponentError`. Takes about 40 ms a megabyte, the first time several times that. */
export function hardenHere(bytes: Uint8Array, options: HardenOptions): Hardened {
  if (isComponent(bytes)) {
    const { bytes: component, reports } = hardenComponent(bytes, options)
    return { bytes: component, isResettable: reports.every(({ reset }) => reset.isPossible) }
  }
  const { bytes: hardened, report } = harden(bytes, options)
  return {
    bytes: hardened,
    isResettable: report.reset.isPossible,
  }
}
