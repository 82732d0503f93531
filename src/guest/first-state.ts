/**
 * What instances of a reactor begin with: not what instantiating makes, but what its boot, or its warm-up, has left behind.
 * Taken once, of an instance that is thrown away, and given to every other one.
 */
import { GLOBAL_PREFIX } from '../wasm/contract.ts'
import { GuestError } from './errors.ts'
import type { MemorySnapshot } from './memory-snapshot.ts'

export interface FirstState {
  /** By index. */
  readonly memories: readonly MemorySnapshot[]
  /** Mutable globals, by the name under which they are exported. */
  readonly globals: ReadonlyMap<string, number | bigint>
}

/** The mutable globals that a module defines. Throws GUEST_WRONG_CONTRACT for one that no other instance can be given. */
export function readGlobals(exports: WebAssembly.Exports): FirstState['globals'] {
  const globals = new Map<string, number | bigint>()
  for (const [name, global] of Object.entries(exports)) {
    if (!(global instanceof WebAssembly.Global) || !name.startsWith(GLOBAL_PREFIX)) continue
    const value = valueIn(global)
    if (value === null) continue
    if (typeof value !== 'number' && typeof value !== 'bigint')
      throw new GuestError(
        'GUEST_WRONG_CONTRACT',
        `Cannot keep what boot has done: mutable global ${name.slice(GLOBAL_PREFIX.length)} holds a vector or a reference, wanted numbers`,
      )
    globals.set(name, value)
  }
  return globals
}

export function writeGlobals(exports: WebAssembly.Exports, globals: FirstState['globals']): void {
  for (const [name, value] of globals) (exports[name] as WebAssembly.Global).value = value
}

/** JavaScript cannot read vectors. */
function valueIn(global: WebAssembly.Global): unknown {
  try {
    return global.value
  } catch {
    return undefined
  }
}
