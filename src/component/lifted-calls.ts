/**
 * Calls functions that components export: for a request, or for another component in the same one. A component that has been called
 * is not called again before it has ended (canonical ABI: `lift`). Nothing else runs in the guest meanwhile: who calls one that is async
 * goes on when that has ended.
 */
import { promising } from '../wasi/jspi.ts'
import { arePassedInMemory } from './check-core-types.ts'
import type { CoreFunction, CoreReach } from './core-reach.ts'
import { fault } from './guest-fault.ts'
import { type Core, liftFields, liftFlat } from './lift.ts'
import type { LiftBounds } from './lift-bounds.ts'
import { lowerFlat, storeFields } from './lower.ts'
import type { CoreItem, LiftedFunction, OwnResource } from './plan.ts'
import { type Answering, Task } from './task.ts'
import { layoutOf } from './type-layout.ts'
import type { Value } from './value.ts'
import { type GuestEvent, NO_EVENT, WAITABLE_SET, type WaitableSet } from './waitable.ts'

/** Components that have called each other: each has a stack of its own. */
export const MAX_CALL_DEPTH = 16

/** What a callback answers: in the low bits, and above them the set to wait for. */
const EXIT = 0
const YIELD = 1
const WAIT = 2
const CODE_BITS = 4
const CODE_MASK = 15

/** What a stack takes beside what is done on it, in nanoseconds, about. */
const STACK_WORK = 4_000

export class LiftedCalls {
  readonly #reach: CoreReach
  readonly #suspendable = new Map<CoreItem, (...cores: Core[]) => Promise<Core | undefined>>()

  constructor(reach: CoreReach) {
    this.#reach = reach
  }

  /** `bounds`: of what it answers. Lifts that before the guest is told that it was taken. */
  async call(lifted: LiftedFunction, values: readonly Value[], bounds: LiftBounds): Promise<Value> {
    let answer: Value
    await this.run(lifted, values, { bounds, onReturn: (value) => (answer = value) })
    return answer
  }

  /** As `call`, to the end of the guest; `onReturn`: told what it answers as soon as it does. */
  run(lifted: LiftedFunction, values: readonly Value[], answering: Answering): Promise<void> {
    const { core, type, options, owner } = lifted
    const reach = this.#reach
    const { host } = reach
    host.charge(STACK_WORK)
    return this.#inside(owner, async () => {
      const task = new Task(lifted, answering)
      host.tasks.push(task)
      const into = reach.lowerScope(options, owner, task.borrows)
      const { parameters } = type
      const cores = arePassedInMemory(parameters)
        ? [storeFields(into, parameters, values)]
        : lowerFlat(into, parameters, values)
      const answered = await this.#suspending(core)(...cores)
      if (host.fault !== undefined) throw host.fault
      if (options.isAsync) await this.#goOn(task, answered)
      else this.#returned(task, answered)
      host.tasks.pop()
    })
  }

  /** Of one that returns what it answers. */
  #returned(task: Task, answered: Core | undefined): void {
    const { bounds } = task
    const { type, options, owner } = task.lifted
    const { result } = type
    const outOf = this.#reach.liftScope(options, owner, { bounds, lent: [] })
    let value: Value
    if (result !== undefined)
      value =
        layoutOf(result).flat.length > 1
          ? liftFields(outOf, [result], Number(answered ?? 0))[0]
          : liftFlat(outOf, [result], [answered ?? 0])[0]
    task.return(value)
    const { postReturn } = options
    if (postReturn !== undefined)
      this.#reach.callInside(postReturn, answered === undefined ? [] : [answered])
  }

  /** Of one that answers by `task.return`: tells its callback what happens, for as long as it wants to know. */
  async #goOn(task: Task, first: Core | undefined): Promise<void> {
    const { host } = this.#reach
    const { options, owner } = task.lifted
    const { callback } = options
    let packed = Number(first ?? 0) >>> 0
    while (callback !== undefined && packed !== EXIT) {
      host.charge(STACK_WORK)
      // Its callback may be too small to be looked at.
      await host.look()
      const event = await this.#next(owner, packed)
      packed = Number((await this.#suspending(callback)(...event)) ?? 0) >>> 0
      if (host.fault !== undefined) throw host.fault
    }
    if (!task.hasReturned) throw fault('it ended without an answer: task.return was not called')
  }

  #next(owner: number, packed: number): GuestEvent | Promise<GuestEvent> {
    const { host } = this.#reach
    const code = packed & CODE_MASK
    if (code === YIELD) {
      host.work.step()
      return NO_EVENT
    }
    if (code !== WAIT) throw fault(`it wants to go on with ${code}, wanted 0 to 2`)
    const { representation } = host.handles(owner).get(packed >>> CODE_BITS, WAITABLE_SET)
    return host.waitFor(representation as WaitableSet)
  }

  /** Destroys what a component has defined. `from`: who has given it up. */
  destroy(
    { destructor, owner }: OwnResource,
    { representation, from }: { readonly representation: number; readonly from: number },
  ): Promise<Core | undefined> | undefined {
    if (destructor === undefined) return undefined
    const call = () => this.#suspending(destructor)(representation)
    return owner === from ? call() : this.#inside(owner, call)
  }

  async #inside<Result>(owner: number, call: () => Promise<Result>): Promise<Result> {
    const { entered } = this.#reach.host
    if (entered.has(owner)) throw fault('a component is called before it has answered')
    if (entered.size >= MAX_CALL_DEPTH)
      throw fault(`more than ${MAX_CALL_DEPTH} components have called each other`)
    entered.add(owner)
    const result = await call()
    // Of one that has trapped nothing is called any more.
    entered.delete(owner)
    return result
  }

  #suspending(core: CoreItem): (...cores: Core[]) => Promise<Core | undefined> {
    let called = this.#suspendable.get(core)
    if (called === undefined) {
      called = promising(this.#reach.function(core) as CoreFunction)
      this.#suspendable.set(core, called)
    }
    return called
  }
}
