/**
 * What the canonical functions of one instance of a component reach of it: what its core instances export, and the memories and
 * handles that a call works with.
 */
import { fault } from './guest-fault.ts'
import type { Borrows, Handle, Representation } from './handle-table.ts'
import type { ComponentHost } from './host/component-host.ts'
import type { Core, LiftScope } from './lift.ts'
import type { LiftBounds } from './lift-bounds.ts'
import type { LowerScope } from './lower.ts'
import type { ComponentPlan, CoreItem, ResolvedOptions } from './plan.ts'

export type CoreFunction = (...cores: Core[]) => Core | undefined

/** Runs code of the guest that must not suspend. */
export type WithoutSuspending = <Result>(code: () => Result) => Result

interface Reached {
  readonly plan: ComponentPlan
  readonly host: ComponentHost
  readonly withoutSuspending: WithoutSuspending
}

export class CoreReach {
  /** What the core instances export, in their order; more as they are made. */
  readonly exports: WebAssembly.Exports[] = []
  /** The canonical functions of the plan. */
  functions: readonly WebAssembly.ImportValue[] = []
  readonly host: ComponentHost
  readonly #resources: ComponentPlan['resources']
  readonly #withoutSuspending: WithoutSuspending
  /** What was found already: it is asked for again and again in each call. */
  readonly #functions = new Map<CoreItem, CoreFunction>()
  readonly #memories = new Map<CoreItem, WebAssembly.Memory>()

  constructor({ plan, host, withoutSuspending }: Reached) {
    this.host = host
    this.#resources = plan.resources
    this.#withoutSuspending = withoutSuspending
  }

  item(item: CoreItem): WebAssembly.ImportValue | undefined {
    return item.kind === 'canon'
      ? this.functions[item.index]
      : this.exports[item.instance]?.[item.name]
  }

  function(item: CoreItem): CoreFunction {
    const known = this.#functions.get(item)
    if (known !== undefined) return known
    const found = this.item(item)
    if (typeof found !== 'function') throw fault('what it calls is no function')
    this.#functions.set(item, found as CoreFunction)
    return found as CoreFunction
  }

  /** Calls what must neither suspend nor call out. */
  callInside(item: CoreItem, cores: readonly Core[]): Core | undefined {
    const called = this.function(item)
    return this.inside(() => called(...cores))
  }

  /** Asks the guest for memory by its own `realloc`. */
  allocate(realloc: CoreItem, alignment: number, bytes: number): number {
    const called = this.function(realloc)
    return Number(this.inside(() => called(0, 0, alignment, bytes)))
  }

  /** Whether a component knows the resource by its own numbers. */
  owns(resource: string, owner: number): boolean {
    return this.#resources.get(resource)?.owner === owner
  }

  /** What calls code of the guest that must neither suspend nor call out; in another such call nothing more is to be done. */
  inside<Result>(code: () => Result): Result {
    const { host } = this
    if (!host.mayLeave) return code()
    host.mayLeave = false
    try {
      return this.#withoutSuspending(code)
    } finally {
      host.mayLeave = true
    }
  }

  liftScope(
    { encoding, memory }: ResolvedOptions,
    owner: number,
    { bounds, lent }: { readonly bounds: LiftBounds; readonly lent: Handle[] },
  ): LiftScope {
    const { host } = this
    return {
      ...{ encoding, bounds, lent, views: undefined, lifted: 0, charge: host.charge },
      memory: this.#memory(memory),
      handles: host.handles(owner),
    }
  }

  /** `borrows`: of the call that is given the values. Default: nothing may be lent in them. */
  lowerScope(
    { encoding, memory, realloc }: ResolvedOptions,
    owner: number,
    borrows?: Borrows,
  ): LowerScope {
    const { host } = this
    return new Lowering(this, {
      ...{ encoding, realloc, owner, borrows },
      memory: this.#memory(memory),
      handles: host.handles(owner),
    })
  }

  #memory(item: CoreItem | undefined): WebAssembly.Memory | undefined {
    if (item === undefined) return undefined
    const known = this.#memories.get(item)
    if (known !== undefined) return known
    const found = this.item(item)
    if (!(found instanceof WebAssembly.Memory)) return undefined
    this.#memories.set(item, found)
    return found
  }
}

interface LoweringOptions extends Pick<LowerScope, 'encoding' | 'memory' | 'handles'> {
  readonly realloc: CoreItem | undefined
  readonly owner: number
  readonly borrows: Borrows | undefined
}

class Lowering implements LowerScope {
  readonly encoding: LowerScope['encoding']
  readonly memory: WebAssembly.Memory | undefined
  views: LowerScope['views']
  readonly handles: LowerScope['handles']
  readonly charge: LowerScope['charge']
  readonly #reach: CoreReach
  readonly #options: LoweringOptions

  constructor(reach: CoreReach, options: LoweringOptions) {
    this.encoding = options.encoding
    this.memory = options.memory
    this.handles = options.handles
    this.charge = reach.host.charge
    this.#reach = reach
    this.#options = options
  }

  lend(resource: string, representation: Representation): number {
    const { borrows, owner } = this.#options
    if (borrows === undefined) throw fault('it lends what nobody gives back')
    // A component knows its own resources by their numbers.
    if (typeof representation === 'number' && this.#reach.owns(resource, owner))
      return representation
    return this.handles.add(resource, representation, borrows)
  }

  allocate(alignment: number, bytes: number): number {
    const { realloc } = this.#options
    if (realloc === undefined) throw fault('it gives no memory: a call without realloc')
    return this.#reach.allocate(realloc, alignment, bytes)
  }
}
