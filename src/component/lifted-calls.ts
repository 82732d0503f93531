/**
 * Calls functions that components export: for a request, or for another component in the same one. A component that has been called
 * is not called again before it has answered (canonical ABI: `lift`, without its async parts).
 */
import { promising } from '../wasi/jspi.ts'
import { arePassedInMemory } from './check-core-types.ts'
import type { CoreFunction, CoreReach } from './core-reach.ts'
import { fault } from './guest-fault.ts'
import type { Borrows } from './handle-table.ts'
import { type Core, type LiftBounds, liftFields, liftFlat } from './lift.ts'
import { lowerFlat, storeFields } from './lower.ts'
import type { CoreItem, LiftedFunction, OwnResource } from './plan.ts'
import { layoutOf } from './type-layout.ts'
import type { Value } from './value.ts'

/** Components that have called each other: each has a stack of its own. */
export const MAX_CALL_DEPTH = 16

/** What a stack takes beside what is done on it, in nanoseconds, about. */
const STACK_WORK = 4_000

export class LiftedCalls {
  readonly #reach: CoreReach
  readonly #suspendable = new Map<CoreItem, (...cores: Core[]) => Promise<Core | undefined>>()

  constructor(reach: CoreReach) {
    this.#reach = reach
  }

  /** `bounds`: of what it answers. Lifts that before the guest is told that it was taken. */
  call(
    { core, type, options, owner }: LiftedFunction,
    values: readonly Value[],
    bounds: LiftBounds,
  ): Promise<Value> {
    const reach = this.#reach
    reach.host.charge(STACK_WORK)
    return this.#inside(owner, async () => {
      const borrows: Borrows = { count: 0 }
      const into = reach.lowerScope(options, owner, borrows)
      const { parameters, result } = type
      const isInMemory = arePassedInMemory(parameters)
      const cores = isInMemory
        ? [storeFields(into, parameters, values)]
        : lowerFlat(into, parameters, values)
      const answered = await this.#suspending(core)(...cores)
      if (reach.host.fault !== undefined) throw reach.host.fault
      const outOf = reach.liftScope(options, owner, { bounds, lent: [] })
      let value: Value
      if (result !== undefined)
        value =
          layoutOf(result).flat.length > 1
            ? liftFields(outOf, [result], Number(answered ?? 0))[0]
            : liftFlat(outOf, [result], [answered ?? 0])[0]
      if (borrows.count > 0)
        throw fault(`it keeps ${borrows.count} handles that it was lent for a call`)
      const { postReturn } = options
      if (postReturn !== undefined)
        reach.callInside(postReturn, answered === undefined ? [] : [answered])
      return value
    })
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
