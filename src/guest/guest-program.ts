/** A WebAssembly instance with what its runner needs to know of it. */
import type { Clock } from '../base/clock.ts'
import { BEYOND, PREVIEW1 } from '../wasi/abi.ts'
import { FIBER_EXPORT } from '../wasi/fibers.ts'
import type { WasiHost } from '../wasi/host.ts'
import { promising } from '../wasi/jspi.ts'
import type { WasiGrants } from '../wasi/session.ts'
import { COUNTER_EXPORT, START_EXPORT } from '../wasm/contract.ts'
import type { FirstState } from './first-state.ts'
import { REACTOR } from './guest-contract.ts'
import { type GuestMemory, memoryImports } from './guest-memory.ts'
import type { GuestModule } from './guest-module.ts'
import { instantiate } from './instantiate.ts'
import { Meter } from './meter.ts'
import { OwnTrace } from './own-trace.ts'
import { MutableState } from './snapshot.ts'

/** What runs for requests: of one module, or of a component. */
export interface GuestProgram {
  readonly meter: Pick<Meter, 'checkNow' | 'hurry' | 'restart' | 'tune'>
  readonly state: MutableState
  /** undefined: it has no words of its own for where it is. */
  readonly trace: OwnTrace | undefined
  /** What to call, in this order. */
  readonly entries: ReadonlyArray<() => Promise<unknown>>
  /** The same without a stack of their own (`at-once.ts`); undefined: they cannot do without. */
  readonly bareEntries: ReadonlyArray<() => void> | undefined
  takeState(): FirstState
  /** What it begins with is another module's with the same code; `owner`: as of `MutableState`. Not of components. */
  become?(module: GuestModule, memories: readonly GuestMemory[], owner: object): void
  /** A run begins. */
  begin(grants: WasiGrants): void
  /** It has ended. */
  end(): void
}

interface ProgramParts {
  readonly clock: Clock
  readonly memories: readonly GuestMemory[]
  /** Names of what to call. */
  readonly entries: readonly string[]
  /** As of `MutableState`. */
  readonly owner: object | undefined
}

export class Program implements GuestProgram {
  readonly meter: Meter
  state: MutableState
  readonly trace: OwnTrace
  readonly entries: ReadonlyArray<() => Promise<unknown>>
  readonly bareEntries: ReadonlyArray<() => void>
  readonly #exports: WebAssembly.Exports

  constructor(
    module: GuestModule,
    host: WasiHost,
    { clock, memories, entries, owner }: ProgramParts,
  ) {
    const imports = {
      [PREVIEW1]: host.imports,
      [BEYOND]: host.imports,
      ...memoryImports(memories),
    }
    const { exports } = instantiate(module.module, imports, module.name)
    this.#exports = exports
    host.attach(
      exports['memory'] as WebAssembly.Memory,
      exports[COUNTER_EXPORT] as WebAssembly.Global,
    )
    host.attachFibers(exports[FIBER_EXPORT], module.memoryMaxBytes)
    this.meter = new Meter(exports, host.checks)
    this.state = new MutableState(module, memories, { exports, owner })
    this.meter.restart(this.state.bytes())
    this.trace = new OwnTrace(exports, host, clock)
    this.bareEntries = entries
      .map((name) => exports[name] as (() => void) | undefined)
      .filter((entry) => entry !== undefined)
    this.entries = this.bareEntries.map((entry) => promising(entry))
  }

  takeState(): FirstState {
    return this.state.take(this.#exports)
  }

  become(module: GuestModule, memories: readonly GuestMemory[], owner: object): void {
    this.state = new MutableState(module, memories, { exports: this.#exports, owner })
    this.meter.restart(this.state.bytes())
  }

  begin(): void {
    // What it is granted it asks the host for.
  }

  end(): void {
    // The host forgets it.
  }
}

/** What is called for a request, in this order; what a module lacks is left out. */
export function entriesOf({ first }: GuestModule): readonly string[] {
  return first === undefined ? [START_EXPORT, '_start'] : [REACTOR.handle]
}
