/** Makes an instance of the engine a tenant has chosen; components and what has been booted know one only. */
import type { Clock } from '../base/clock.ts'
import type { Engine, Instance } from './engine.ts'
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
