/**
 * Makes an instance of a component: its core instances one after the other, with the canonical functions between them and the host.
 * Code of the guest that the host calls in the middle of a call (its allocator, destructors) must not suspend and not call out.
 */
import { promising, suspending } from '../wasi/jspi.ts'
import { MAX_FLAT_PARAMETERS } from './check-core-types.ts'
import { fault } from './guest-fault.ts'
import type { Handle } from './handle-table.ts'
import type { ComponentHost } from './host/component-host.ts'
import { IncomingRequest } from './host/http-request.ts'
import { ResponseOutparam } from './host/http-response.ts'
import { findFunction } from './host/wasi-functions.ts'
import { type Core, type LiftScope, liftFields, liftFlat } from './lift.ts'
import { type LowerScope, lowerFlat, storeValue } from './lower.ts'
import type {
  CanonicalFunction,
  ComponentPlan,
  CoreArgument,
  CoreItem,
  LiftedFunction,
  ResolvedOptions,
} from './plan.ts'
import { layoutOf, layoutOfFields } from './type-layout.ts'
import type { Case, Value } from './value.ts'

export interface CoreLinker {
  /** What instance `index` of the plan imports: functions, tables, memories and globals. */
  readonly importsOf: (index: number) => readonly WebAssembly.ModuleImportDescriptor[]
  /** Makes it. */
  readonly instantiate: (index: number, imports: WebAssembly.Imports) => WebAssembly.Exports
  /** Runs code of the guest that must not suspend. */
  readonly withoutSuspending: <Result>(code: () => Result) => Result
}

type CoreFunction = (...cores: Core[]) => Core | undefined

export class LinkedComponent {
  readonly #plan: ComponentPlan
  readonly #host: ComponentHost
  readonly #core: CoreLinker
  readonly #exports: WebAssembly.Exports[] = []
  readonly #functions: WebAssembly.ImportValue[]
  /** What is called for a request, so that it may wait. */
  #entry: ((...cores: Core[]) => Promise<Core | undefined>) | undefined

  constructor(plan: ComponentPlan, host: ComponentHost, core: CoreLinker) {
    this.#plan = plan
    this.#host = host
    this.#core = core
    this.#functions = plan.functions.map((definition) => this.#canonical(definition))
    for (const [index, instance] of plan.instances.entries())
      this.#exports.push(core.instantiate(index, this.#importsOf(index, instance.arguments)))
  }

  /** What the core instances export, in their order. */
  get exports(): readonly WebAssembly.Exports[] {
    return this.#exports
  }

  /** Runs the guest: it is given the request of the run, or is a command. Ends when its answer is on its way. */
  async run(): Promise<void> {
    const { entry } = this.#plan
    if (entry === undefined) throw new Error('Cannot run a component: found nothing to call')
    const { world, lifted } = entry
    const host = this.#host
    const given =
      world === 'http' ? [new IncomingRequest(host.environment), new ResponseOutparam()] : []
    const handles = host.handles(lifted.owner)
    const cores = lifted.type.parameters.map((type, index) => {
      if (type.kind !== 'own') throw new Error('Cannot run a component: wanted a checked plan')
      return handles.add(type.resource, given[index] as ResponseOutparam)
    })
    const answer = await this.#callLifted(lifted, cores)
    if (world === 'http') await host.response.finish()
    else {
      await host.flush()
      if ((answer as Case).tag !== 'ok') host.calls.callNow('proc_exit', 1)
    }
  }

  /** Lifts what it answers before it is told that this was taken. */
  async #callLifted(
    { core, type, options, owner }: LiftedFunction,
    cores: readonly Core[],
  ): Promise<Value> {
    const host = this.#host
    let answered: Core | undefined
    try {
      this.#entry ??= promising(this.#item(core) as CoreFunction)
      answered = await this.#entry(...cores)
    } catch (error) {
      throw host.fault ?? error
    }
    if (host.fault !== undefined) throw host.fault
    const { result } = type
    let value: Value
    if (result !== undefined) {
      const scope = this.#liftScope(options, owner, [])
      const isInMemory = layoutOf(result).flat.length > 1
      const lifted = isInMemory
        ? liftFields(scope, [result], Number(answered ?? 0))
        : liftFlat(scope, [result], [answered ?? 0])
      value = lifted[0]
    }
    const { postReturn } = options
    if (postReturn !== undefined)
      this.#callInside(() => this.#call(postReturn, answered === undefined ? [] : [answered]))
    return value
  }

  #importsOf(index: number, given: ReadonlyMap<string, CoreArgument>): WebAssembly.Imports {
    // Without a prototype no name means anything.
    const imports: WebAssembly.Imports = Object.create(null)
    for (const { module, name } of this.#core.importsOf(index)) {
      const argument = given.get(module)
      if (argument === undefined) continue
      imports[module] ??= Object.create(null) as WebAssembly.ModuleImports
      const item: CoreItem | undefined =
        argument.kind === 'items'
          ? argument.items.get(name)
          : { kind: 'export', instance: argument.index, name }
      const value = item === undefined ? undefined : this.#item(item)
      if (value !== undefined) imports[module][name] = value
    }
    return imports
  }

  #item(item: CoreItem): WebAssembly.ImportValue | undefined {
    return item.kind === 'canon'
      ? this.#functions[item.index]
      : this.#exports[item.instance]?.[item.name]
  }

  #call(item: CoreItem, cores: readonly Core[]): Core | undefined {
    const called = this.#item(item)
    if (typeof called !== 'function') throw fault('what it calls is no function')
    return (called as CoreFunction)(...cores)
  }

  #callInside<Result>(code: () => Result): Result {
    const host = this.#host
    host.mayLeave = false
    try {
      return this.#core.withoutSuspending(code)
    } finally {
      host.mayLeave = true
    }
  }

  #canonical(definition: CanonicalFunction): WebAssembly.ImportValue {
    if (definition.kind === 'lower') return this.#lowered(definition)
    return ((core: number) => {
      try {
        this.#host.enter()
        return this.#resource(definition, core)
      } catch (error) {
        throw this.#host.trap(error)
      }
    }) as WebAssembly.ImportValue
  }

  #resource(
    { kind, resource, owner }: Exclude<CanonicalFunction, { kind: 'lower' }>,
    core: number,
  ): number {
    const handles = this.#host.handles(owner)
    if (kind === 'resource.new') return handles.add(resource, core)
    if (kind === 'resource.rep') {
      const { representation } = handles.get(core, resource)
      if (typeof representation !== 'number') throw fault('a resource of the host has no number')
      return representation
    }
    const representation = handles.take(core, resource)
    const destructor = this.#plan.destructors.get(resource)
    if (typeof representation !== 'number') representation.drop()
    else if (destructor !== undefined)
      this.#core.withoutSuspending(() => this.#call(destructor, [representation]))
    return 0
  }

  #lowered(definition: Extract<CanonicalFunction, { kind: 'lower' }>): WebAssembly.ImportValue {
    const { type, options, owner } = definition
    const { call: bind, waits } = findFunction(definition)
    const host = this.#host
    const call = bind(host) as (...values: readonly Value[]) => Value | Promise<Value>
    const isInMemory = layoutOfFields(type.parameters).flat.length > MAX_FLAT_PARAMETERS
    const resultFlat = type.result === undefined ? 0 : layoutOf(type.result).flat.length
    const lower = (value: Value, pointer: Core | undefined, lent: readonly Handle[]): Core => {
      for (const handle of lent) handle.lends -= 1
      if (type.result === undefined) return 0
      const scope = this.#lowerScope(options, owner)
      if (resultFlat <= 1) return lowerFlat(scope, type.result, value)
      storeValue(scope, type.result, value, Number(pointer ?? 0))
      return 0
    }
    const enter = (cores: Core[]): Core | Promise<Core> => {
      try {
        host.enter()
        const lent: Handle[] = []
        const scope = this.#liftScope(options, owner, lent)
        const pointer = resultFlat > 1 ? cores.pop() : undefined
        const values = isInMemory
          ? liftFields(scope, type.parameters, Number(cores[0] ?? 0))
          : liftFlat(scope, type.parameters, cores)
        const answer = call(...values)
        if (!(answer instanceof Promise)) return lower(answer, pointer, lent)
        return answer
          .then((value) => lower(value, pointer, lent))
          .catch((error: unknown) => {
            throw host.trap(error)
          })
      } catch (error) {
        throw host.trap(error)
      }
    }
    if (!waits) return ((...cores: Core[]) => enter(cores)) as WebAssembly.ImportValue
    return suspending(((...cores: Core[]) => enter(cores)) as (...cores: never[]) => number)
  }

  #liftScope({ encoding, memory }: ResolvedOptions, owner: number, lent: Handle[]): LiftScope {
    const { charge } = this.#host
    return {
      encoding,
      memory: this.#memory(memory),
      handles: this.#host.handles(owner),
      lent,
      lifted: 0,
      charge,
    }
  }

  #lowerScope({ encoding, memory, realloc }: ResolvedOptions, owner: number): LowerScope {
    return {
      encoding,
      memory: this.#memory(memory),
      handles: this.#host.handles(owner),
      charge: this.#host.charge,
      allocate: (alignment, bytes) => {
        if (realloc === undefined) throw fault('it gives no memory: a call without realloc')
        return Number(this.#callInside(() => this.#call(realloc, [0, 0, alignment, bytes])))
      },
    }
  }

  #memory(item: CoreItem | undefined): WebAssembly.Memory | undefined {
    const found = item === undefined ? undefined : this.#item(item)
    return found instanceof WebAssembly.Memory ? found : undefined
  }
}
