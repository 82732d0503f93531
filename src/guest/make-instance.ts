/** Makes an instance of the engine a tenant has chosen; components and what has been booted know one only. */
import type { Clock } from '../base/clock.ts'
import type { Engine, Instance } from './engine.ts'
import { REACTOR } from './guest-contract.ts'
import type { GuestModule } from './guest-module.ts'
import { GuestInstance } from './instance.ts'
import { WasmerInstance } from './wasmer-engine.ts'

export interface InstanceOrder {
  readonly engine: Engine
  /** Hardened, for either engine. */
  readonly module: GuestModule
  readonly clock: Clock
  /** As of `MutableState`. */
  readonly owner?: object
}

export function makeInstance({ engine, module, clock, owner }: InstanceOrder): Instance {
  const isOwn = engine === 'own' || module.component !== undefined || module.first !== undefined
  return isOwn ? new GuestInstance(module, clock, { owner }) : new WasmerInstance(module, clock)
}

/** Of one runtime: who comes for the first time finds one, and so does the next, while another one is made. */
export const BLANKS_OF_EACH = 2

/**
 * Instances of runtimes that nobody has had, with nothing in them but what instantiating leaves there: for one to begin with what a
 * tenant's requests begin with takes a fifth of what a new one takes.
 */
export class BlankInstances {
  readonly #clock: Clock
  /** By code. */
  readonly #kept = new WeakMap<WebAssembly.Module, KeptBlank>()
  readonly #wanted = new Set<KeptBlank>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether `makeOne` has something to do. */
  get areWanted(): boolean {
    return this.#wanted.size > 0
  }

  /** Some of a module, which has been booted, are to be there from here on. */
  keep(module: GuestModule): void {
    const kept = { module: { ...module, first: undefined }, ready: [] }
    this.#kept.set(module.module, kept)
    this.#wanted.add(kept)
  }

  /** One that begins as one of `module` from here on; undefined: there is none. */
  take(module: GuestModule, owner: object): Instance | undefined {
    const kept = module.first && this.#kept.get(module.module)
    if (kept === undefined) return undefined
    this.#wanted.add(kept)
    const blank = kept.ready.pop()
    blank?.become(module, owner)
    return blank
  }

  /** Makes one that is wanted, if there is room. */
  makeOne(hasRoom: (module: GuestModule) => boolean): void {
    for (const kept of this.#wanted) {
      const { module, ready } = kept
      const isRoom = hasRoom(module)
      if (isRoom) ready.push(new GuestInstance(module, this.#clock, { entries: [REACTOR.handle] }))
      if (!isRoom || ready.length >= BLANKS_OF_EACH) this.#wanted.delete(kept)
      return
    }
  }
}

interface KeptBlank {
  readonly module: GuestModule
  readonly ready: GuestInstance[]
}
