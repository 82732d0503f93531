/** Makes an instance of the engine a tenant has chosen. */
import type { Clock } from '../base/clock.ts'
import type { Engine, Instance } from './engine.ts'
import type { GuestMemory } from './guest-memory.ts'
import { GuestInstance } from './instance.ts'
import type { GuestModule } from './module.ts'
import { WasmerInstance } from './wasmer-engine.ts'

export interface InstanceOrder {
  readonly engine: Engine
  /** Hardened, for either engine. */
  readonly module: GuestModule
  readonly clock: Clock
  /** What an instance of the module has given back; default: new ones. */
  readonly memories?: readonly GuestMemory[] | undefined
}

export function makeInstance({ engine, module, clock, memories }: InstanceOrder): Instance {
  return engine === 'own'
    ? new GuestInstance(module, clock, memories)
    : new WasmerInstance(module, clock)
}
