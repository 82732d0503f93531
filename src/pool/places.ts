/** Where instances of one tenant are kept. A place's key is long: it is made, and hashed, once and not for each request. */
import type { Engine } from '../guest/engine.ts'
import type { GuestModule } from '../guest/module.ts'
import type { Place } from './warm-instances.ts'

/** One of the tenant's handlers, with one module and engine. */
interface HandlerPlace extends Place {
  readonly engine: Engine
  readonly name: string
}

/** How many places of one module are remembered: a release that changes its manifest only has a name of its own. */
const MAX_NAMES = 16

export class Places {
  readonly #tenant: string
  readonly #ofModule = new WeakMap<GuestModule, HandlerPlace[]>()

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  /** `name`: instances of the same module are shared by those who give the same one. */
  find(module: GuestModule, engine: Engine, name: string): Place {
    const known = this.#ofModule.get(module) ?? []
    for (const place of known) if (place.engine === engine && place.name === name) return place
    const tenant = this.#tenant
    const key = [tenant, engine, module.digest, name].join('\0')
    const place = { tenant, key, engine, name }
    this.#ofModule.set(module, [place, ...known.slice(0, MAX_NAMES - 1)])
    return place
  }
}
