/** Makes an instance of the engine a tenant has chosen. */
import type { Clock } from '../base/clock.ts'
import type { Engine, Instance } from './engine.ts'
import { GuestInstance } from './instance.ts'
import type { GuestModule } from './module.ts'
import { WasmerInstance } from './wasmer-engine.ts'

/** `module` is hardened, for either engine. */
export function makeInstance(engine: Engine, module: GuestModule, clock: Clock): Instance {
  return engine === 'own' ? new GuestInstance(module, clock) : new WasmerInstance(module, clock)
}
