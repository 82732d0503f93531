/** A WebAssembly instance with what its runner needs to know of it. */
import { BEYOND, PREVIEW1 } from '../wasi/abi.ts'
import { FIBER_EXPORT } from '../wasi/fibers.ts'
import type { WasiHost } from '../wasi/host.ts'
import { promising } from '../wasi/jspi.ts'
import type { WasiGrants } from '../wasi/session.ts'
import { COUNTER_EXPORT } from '../wasm/contract.ts'
import type { FirstState } from './first-state.ts'
import { type GuestMemory, memoryImports } from './guest-memory.ts'
import type { GuestModule } from './guest-module.ts'
import { Meter } from './meter.ts'
import { MutableState } from './snapshot.ts'

/** What runs for requests: of one module, or of a component. */
export interface GuestProgram {
  readonly meter: Pick<Meter, 'checkNow' | 'hurry' | 'restart' | 'tune'>
  readonly state: MutableState
  /** What to call, in this order. */
  readonly entries: ReadonlyArray<() => Promise<unknown>>
  takeState(): FirstState
  /** A run begins. */
  begin(grants: WasiGrants): void
  /** It has ended. */
  end(): void
}

interface ProgramParts {
  readonly memories: readonly GuestMemory[]
  /** Names of what to call. */
  readonly entries: readonly string[]
}

export class Program implements GuestProgram {
  readonly meter: Meter
  readonly state: MutableState
  readonly entries: ReadonlyArray<() => Promise<unknown>>
  readonly #exports: WebAssembly.Exports

  constructor(module: GuestModule, host: WasiHost, { memories, entries }: ProgramParts) {
    const { exports } = new WebAssembly.Instance(module.module, {
      [PREVIEW1]: host.imports,
      [BEYOND]: host.imports,
      ...memoryImports(memories),
    })
    this.#exports = exports
    host.attach(
      exports['memory'] as WebAssembly.Memory,
      exports[COUNTER_EXPORT] as WebAssembly.Global,
    )
    host.attachFibers(exports[FIBER_EXPORT], module.memoryMaxBytes)
    this.meter = new Meter(exports, host.checks)
    this.state = new MutableState(module, memories, exports)
    this.meter.restart(this.state.bytes())
    this.entries = entries
      .map((name) => exports[name])
      .filter((entry) => entry !== undefined)
      .map((entry) => promising(entry as () => void))
  }

  takeState(): FirstState {
    return this.state.take(this.#exports)
  }

  begin(): void {
    // What it is granted it asks the host for.
  }

  end(): void {
    // The host forgets it.
  }
}
