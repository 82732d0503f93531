/**
 * An instance of a component: one of each of its core modules, all hardened, over one host. Its state is that of all of them:
 * their memories, their mutable globals; and its handles, of which there are none before a request.
 */
import { ComponentHost } from '../component/host/component-host.ts'
import { LinkedComponent } from '../component/link.ts'
import type { WasiHost } from '../wasi/host.ts'
import { promising } from '../wasi/jspi.ts'
import type { WasiGrants } from '../wasi/session.ts'
import {
  COUNTER_EXPORT,
  GO_ON,
  MEMORY_IMPORT_MODULE,
  RESIZES_EXPORT,
  RESTORE_EXPORT,
  SAVE_EXPORT,
  START_EXPORT,
  spareExport,
} from '../wasm/contract.ts'
import { GuestError } from './errors.ts'
import type { FirstState } from './first-state.ts'
import { type GuestMemory, memoryImports } from './guest-memory.ts'
import type { GuestComponent, GuestModule } from './guest-module.ts'
import type { GuestProgram } from './guest-program.ts'
import { instantiate } from './instantiate.ts'
import { Meter } from './meter.ts'
import { MutableState } from './snapshot.ts'

export interface ComponentParts {
  readonly component: GuestComponent
  readonly memories: readonly GuestMemory[]
  /** As of `MutableState`. */
  readonly owner: object | undefined
}

export class ComponentProgram implements GuestProgram {
  readonly meter: GuestProgram['meter']
  readonly trace = undefined
  readonly state: MutableState
  readonly entries: ReadonlyArray<() => Promise<unknown>>
  readonly bareEntries = undefined
  readonly #host: ComponentHost
  readonly #meters: Meter[] = []
  readonly #name: string

  constructor(module: GuestModule, wasi: WasiHost, { component, memories, owner }: ComponentParts) {
    const { plan, parts } = component
    this.#name = module.name
    const counters: WebAssembly.Global[] = []
    const counter = {
      get value(): number {
        return Number(counters[0]?.value)
      },
      set value(units: number) {
        for (const one of counters) one.value = units
      },
    }
    const check = promising(wasi.checks.check as unknown as () => number)
    this.#host = new ComponentHost(wasi, counter, {
      owners: plan.owners,
      world: plan.entry?.world ?? 'http',
      look: async () => {
        if ((await check()) !== GO_ON) throw new Error('Cannot go on: the guest has been ended')
      },
    })
    const linked = new LinkedComponent(plan, this.#host, {
      importsOf: (index) => importsOf(parts[index]?.module),
      instantiate: (index, imports) => {
        const part = parts[index]
        if (part === undefined) throw new Error(`Cannot make core instance ${index}: no module`)
        const own = memories.slice(part.firstMemory, part.firstMemory + part.memories)
        const memory = memoryImports(own)[MEMORY_IMPORT_MODULE]
        if (memory !== undefined) imports[MEMORY_IMPORT_MODULE] = memory
        const { exports } = instantiate(part.module, imports, module.name)
        counters.push(exports[COUNTER_EXPORT] as WebAssembly.Global)
        this.#meters.push(new Meter(exports, wasi.checks))
        return exports
      },
      withoutSuspending: (code) => this.#withoutSuspending(code),
    })
    const { exports } = linked
    this.meter = meterOf(this.#meters)
    const own = {
      [SAVE_EXPORT]: callerOf(exports, SAVE_EXPORT),
      [RESTORE_EXPORT]: callerOf(exports, RESTORE_EXPORT),
      ...sparesOf(component, exports),
    }
    this.state = new MutableState(module, memories, { exports: own, owner })
    this.meter.restart(this.state.bytes())
    const starts = exports
      .map((own) => own[START_EXPORT])
      .filter((start) => start !== undefined)
      .map((start) => promising(start as () => void))
    this.entries = [...starts, () => linked.run()]
  }

  takeState(): FirstState {
    throw new GuestError(
      'GUEST_WRONG_CONTRACT',
      `Cannot boot ${this.#name}: it is a component, wanted a reactor`,
    )
  }

  begin(grants: WasiGrants): void {
    this.#host.begin(grants)
  }

  end(): void {
    this.#host.end()
  }

  #withoutSuspending<Result>(code: () => Result): Result {
    for (const meter of this.#meters) meter.maySuspend = false
    try {
      return code()
    } finally {
      for (const meter of this.#meters) meter.maySuspend = true
    }
  }
}

const imports = new WeakMap<WebAssembly.Module, readonly WebAssembly.ModuleImportDescriptor[]>()

function importsOf(
  module: WebAssembly.Module | undefined,
): readonly WebAssembly.ModuleImportDescriptor[] {
  if (module === undefined) return []
  let found = imports.get(module)
  if (found === undefined) {
    found = WebAssembly.Module.imports(module)
    imports.set(module, found)
  }
  return found
}

/** All of them as one: whatever the guest does, it does in one of them at a time. */
function meterOf(meters: readonly Meter[]): GuestProgram['meter'] {
  const [only] = meters
  if (only !== undefined && meters.length === 1) return only
  return {
    checkNow: () => {
      for (const meter of meters) meter.checkNow()
    },
    hurry: () => {
      for (const meter of meters) meter.hurry()
    },
    restart: (memoryBytes) => {
      for (const meter of meters) meter.restart(memoryBytes)
    },
    tune: (elapsedMs, memoryBytes, isEarly) => {
      for (const meter of meters) meter.tune(elapsedMs, memoryBytes, isEarly)
    },
  }
}

/** Spare pages of all memories, numbered as those of the whole; none where somebody asks for the size of a memory that is not its own. */
function sparesOf(
  { parts }: GuestComponent,
  all: readonly WebAssembly.Exports[],
): WebAssembly.Exports {
  const spares: WebAssembly.Exports = {}
  if (all.some((exports) => exports[RESIZES_EXPORT] !== undefined)) return spares
  for (const [part, { firstMemory, memories }] of parts.entries())
    for (let index = 0; index < memories; index += 1) {
      const spare = all[part]?.[spareExport(index)]
      if (spare !== undefined) spares[spareExport(firstMemory + index)] = spare
    }
  return spares
}

function callerOf(all: readonly WebAssembly.Exports[], name: string): () => void {
  const functions = all.map((exports) => exports[name] as () => void)
  return () => {
    for (const one of functions) one()
  }
}
