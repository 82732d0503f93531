/** Where instances of one tenant are kept: a place for each of its handlers, module and engine. */
import type { Engine } from '../guest/engine.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { type IdleCount, Place } from './pooled-instance.ts'

/** How many places of one module are remembered: a release that changes its manifest only has a name of its own. */
const MAX_NAMES = 16

export class Places {
  readonly owner: IdleCount
  readonly #ofModule = new WeakMap<GuestModule, Place[]>()
  #latest: Place | undefined
  /** The one that was made before the latest; undefined: there is none. */
  before: Place | undefined

  constructor(tenant: string) {
    this.owner = { tenant, idle: 0, busy: 0 }
  }

  /** Whether there are instances, at work or idle. */
  get hasAny(): boolean {
    return this.owner.idle + this.owner.busy > 0
  }

  /** `name`: instances of the same module are shared by those who give the same one. */
  find(module: GuestModule, engine: Engine, name: string): Place {
    const known = this.#ofModule.get(module)
    if (known !== undefined) {
      for (const place of known) if (place.engine === engine && place.name === name) return place
    }
    const place = new Place(this.owner, engine, name)
    this.before = this.#latest
    this.#latest = place
    this.#ofModule.set(module, [place, ...(known ?? []).slice(0, MAX_NAMES - 1)])
    return place
  }
}
