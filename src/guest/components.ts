/** Components, and what they take: loaded when the first one is compiled, for a worker without any does not wait for it. */
import type { WasiHost } from '../wasi/host.ts'
import type { ComponentParts } from './component-program.ts'
import type { GuestModule } from './guest-module.ts'
import type { GuestProgram } from './guest-program.ts'
import type { CompiledComponent, ComponentSource } from './make-component.ts'

let loaded: typeof import('./make-component.ts') | undefined

/** Throws `GuestError`, `ComponentError` and `WasmError`. */
export async function compileComponent(
  hardened: Uint8Array<ArrayBuffer>,
  source: ComponentSource,
): Promise<CompiledComponent> {
  const { compileComponent: compile } = await loadComponents()
  return compile(hardened, source)
}

/** To be called before one is instantiated that another thread has compiled. */
export async function loadComponents(): Promise<typeof import('./make-component.ts')> {
  loaded ??= await import('./make-component.ts')
  return loaded
}

/** Instantiates one. */
export function startComponent(
  module: GuestModule,
  host: WasiHost,
  parts: ComponentParts,
): GuestProgram {
  if (loaded === undefined)
    throw new Error(`Cannot start ${module.name}: what components take is not loaded`)
  return loaded.startComponent(module, host, parts)
}
