/**
 * Makes an instance of a component: its core instances one after the other, with the canonical functions between them and the host.
 * Code of the guest that the host calls in the middle of a call (its allocator, destructors) must not suspend and not call out.
 */
import { suspending } from '../wasi/jspi.ts'
import { Builtins } from './builtins.ts'
import { arePassedInMemory } from './check-core-types.ts'
import { CoreReach, type WithoutSuspending } from './core-reach.ts'
import { Deferred } from './deferred.ts'
import { fault } from './guest-fault.ts'
import type { Handle } from './handle-table.ts'
import type { ComponentHost } from './host/component-host.ts'
import { HttpAnswer } from './host/http-answer-3.ts'
import { HttpRequest } from './host/http-messages-3.ts'
import { IncomingRequest } from './host/http-request.ts'
import { ResponseOutparam } from './host/http-response.ts'
import { findFunction } from './host/wasi-functions.ts'
import { type Core, liftFields, liftFlat } from './lift.ts'
import { boundsFor, FOR_HOST, type LiftBounds } from './lift-bounds.ts'
import { LiftedCalls } from './lifted-calls.ts'
import { lowerFlat, storeValue } from './lower.ts'
import {
  type CanonicalFunction,
  type ComponentPlan,
  type CoreArgument,
  type CoreItem,
  type Entry,
  type LoweredFunction,
  typeOfLowered,
} from './plan.ts'
import { RETURNED, SUBTASK, Subtask } from './subtask.ts'
import { layoutOf } from './type-layout.ts'
import type { Case, Value } from './value.ts'

export interface CoreLinker {
  /** What instance `index` of the plan imports: functions, tables, memories and globals. */
  readonly importsOf: (index: number) => readonly WebAssembly.ModuleImportDescriptor[]
  /** Makes it. */
  readonly instantiate: (index: number, imports: WebAssembly.Imports) => WebAssembly.Exports
  readonly withoutSuspending: WithoutSuspending
}

function giveBack(lent: readonly Handle[]): void {
  for (const handle of lent) handle.lends -= 1
}

/** All that a command has printed goes out; what it answers is its status. */
async function leave(host: ComponentHost, { tag }: Case): Promise<void> {
  do await host.flush()
  while (host.work.step() !== 'idle')
  if (tag !== 'ok') host.calls.callNow('proc_exit', 1)
}

/** What a core module calls by a canonical function. */
interface Callee {
  readonly call: (values: readonly Value[]) => Value | Promise<Value> | Deferred
  /** Whether it may answer a promise. */
  readonly waits: boolean
  /** Of what it is given. */
  readonly bounds: LiftBounds
}

export class LinkedComponent {
  readonly #plan: ComponentPlan
  readonly #host: ComponentHost
  readonly #core: CoreLinker
  readonly #reach: CoreReach
  readonly #calls: LiftedCalls
  readonly #builtins: Builtins

  constructor(plan: ComponentPlan, host: ComponentHost, core: CoreLinker) {
    this.#plan = plan
    this.#host = host
    this.#core = core
    const { withoutSuspending } = core
    const reach = new CoreReach({ plan, host, withoutSuspending })
    this.#reach = reach
    this.#calls = new LiftedCalls(reach)
    this.#builtins = new Builtins(reach)
    reach.functions = plan.functions.map((definition) => this.#canonical(definition))
    for (const [index, instance] of plan.instances.entries())
      reach.exports.push(core.instantiate(index, this.#importsOf(index, instance.arguments)))
  }

  /** What the core instances export, in their order. */
  get exports(): readonly WebAssembly.Exports[] {
    return this.#reach.exports
  }

  /** Runs the guest: it is given the request of the run, or is a command. Ends when its answer is on its way. */
  async run(): Promise<void> {
    const { entry } = this.#plan
    if (entry === undefined) throw new Error('Cannot run a component: found nothing to call')
    try {
      await (entry.wasi === '0.2' ? this.#answer(entry) : this.#answerOf3(entry))
    } catch (error) {
      throw this.#host.fault ?? error
    }
  }

  async #answer({ world, lifted }: Entry): Promise<void> {
    const host = this.#host
    const given =
      world === 'http' ? [new IncomingRequest(host.variables), new ResponseOutparam()] : []
    const answer = await this.#calls.call(lifted, given, FOR_HOST)
    if (world === 'http') await host.response.finish()
    else await leave(host, answer as Case)
  }

  async #answerOf3({ world, lifted }: Entry): Promise<void> {
    const host = this.#host
    if (world === 'command') {
      await leave(host, (await this.#calls.call(lifted, [], FOR_HOST)) as Case)
      return
    }
    const answer = new HttpAnswer(host)
    await this.#calls.run(lifted, [HttpRequest.of(host)], {
      bounds: FOR_HOST,
      onReturn: (result) => answer.begin(result as Case),
    })
    await answer.finish()
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
      const value = item === undefined ? undefined : this.#reach.item(item)
      if (value !== undefined) imports[module][name] = value
    }
    return imports
  }

  #canonical(definition: CanonicalFunction): WebAssembly.ImportValue {
    if (definition.kind === 'builtin') return this.#builtins.import(definition)
    if (definition.kind === 'lower' || definition.kind === 'call') return this.#lowered(definition)
    const call = (core: number): number | Promise<number> => {
      try {
        this.#host.enter()
        return this.#resource(definition, core)
      } catch (error) {
        throw this.#host.trap(error)
      }
    }
    const mayWait =
      definition.kind === 'resource.drop' &&
      this.#plan.resources.get(definition.resource)?.destructor !== undefined
    return mayWait
      ? (suspending(call as (...cores: never[]) => number) as WebAssembly.ImportValue)
      : (call as WebAssembly.ImportValue)
  }

  #resource(
    { kind, resource, owner }: Extract<CanonicalFunction, { readonly resource: string }>,
    core: number,
  ): number | Promise<number> {
    const handles = this.#host.handles(owner)
    if (kind === 'resource.new') return handles.add(resource, core)
    if (kind === 'resource.rep') {
      const { representation } = handles.get(core, resource)
      if (typeof representation !== 'number') throw fault('a resource of the host has no number')
      return representation
    }
    const representation = handles.drop(core, resource)
    if (typeof representation === 'object') representation.drop()
    const own = this.#plan.resources.get(resource)
    if (typeof representation !== 'number' || own === undefined) return 0
    const destroyed = this.#calls.destroy(own, { representation, from: owner })
    return destroyed === undefined ? 0 : this.#host.settled(destroyed.then(() => 0))
  }

  #calleeOf(definition: LoweredFunction): Callee {
    if (definition.kind === 'call') {
      const { lifted, options } = definition
      // What is answered is lowered for whoever calls.
      const answered = boundsFor(options.encoding)
      return {
        call: (values) => this.#calls.call(lifted, values, answered),
        waits: true,
        bounds: boundsFor(lifted.options.encoding),
      }
    }
    const { call: bind, waits } = findFunction(definition)
    const call = bind(this.#host) as (
      ...values: readonly Value[]
    ) => Value | Promise<Value> | Deferred
    return { call: (values) => call(...values), waits, bounds: FOR_HOST }
  }

  #lowered(definition: LoweredFunction): WebAssembly.ImportValue {
    const { options, owner } = definition
    const { isAsync } = options
    const { parameters, result } = typeOfLowered(definition)
    const { call, waits, bounds } = this.#calleeOf(definition)
    const host = this.#host
    const reach = this.#reach
    const isInMemory = arePassedInMemory(parameters, isAsync)
    const resultFlat = result === undefined ? 0 : layoutOf(result).flat.length
    const isStored = resultFlat > (isAsync ? 0 : 1)
    const lower = (value: Value, pointer: Core | undefined): Core => {
      if (result === undefined) return 0
      const scope = reach.lowerScope(options, owner)
      if (!isStored) return lowerFlat(scope, [result], [value])[0] ?? 0
      // Asked for memory again and again, the guest is told once for all.
      reach.inside(() => storeValue(scope, result, value, Number(pointer ?? 0)))
      return 0
    }
    const enter = (cores: Core[]): Core | Promise<Core> => {
      try {
        host.enter()
        const lent: Handle[] = []
        const scope = reach.liftScope(options, owner, { bounds, lent })
        const pointer = isStored ? cores.pop() : undefined
        const values = isInMemory
          ? liftFields(scope, parameters, Number(cores[0] ?? 0))
          : liftFlat(scope, parameters, cores)
        const answer = call(values)
        const done = (value: Value): Core => {
          giveBack(lent)
          const core = lower(value, pointer)
          return isAsync ? RETURNED : core
        }
        if (answer instanceof Deferred) {
          if (!isAsync) return this.#await(answer, done)
          const resolve = (value: Value) => lower(value, pointer)
          return this.#start(new Subtask(answer, { resolve, release: () => giveBack(lent) }), owner)
        }
        return answer instanceof Promise ? host.settled(answer.then(done)) : done(answer)
      } catch (error) {
        throw host.trap(error)
      }
    }
    if (!waits) return ((...cores: Core[]) => enter(cores)) as WebAssembly.ImportValue
    return suspending(((...cores: Core[]) => enter(cores)) as (...cores: never[]) => number)
  }

  /** Answers what an async call answers: its state, and a handle where it has not ended. */
  #start(subtask: Subtask, owner: number): number {
    if (subtask.step() === 'over') {
      subtask.takeEvent()
      return RETURNED
    }
    this.#host.work.add(subtask)
    subtask.index = this.#host.handles(owner).add(SUBTASK, subtask)
    return subtask.started
  }

  #await(answer: Deferred, done: (value: Value) => Core): Core | Promise<Core> {
    const { host } = this.#reach
    const found: Value[] = []
    host.work.add({
      step: () => {
        found.push(...(answer.outcome() ?? []))
        return found.length > 0 ? 'over' : 'idle'
      },
      wishes: () => answer.wishes(),
    })
    const waited = host.work.until(() => found.length > 0)
    if (waited instanceof Promise) return host.settled(waited.then(() => done(found[0])))
    return done(found[0])
  }
}
