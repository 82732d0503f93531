/** Who makes modules of bytes: this thread (`compileHere`), or others (`compile-threads.ts`). */
import type { CompileOptions, GuestModule, HardenedFacts } from './guest-module.ts'
import { compileHardenedModule, hardenAndCompile } from './make-module.ts'

/** How a module is made of its bytes: hardened on the way, or as somebody trusted has hardened it. */
export type CompilePlan =
  | { readonly kind: 'harden'; readonly options: CompileOptions & { readonly digest: string } }
  | { readonly kind: 'hardened'; readonly facts: HardenedFacts }

/** Rejects with errors that have a `GUEST_` or `WASM_` code. The bytes are the compiler's: it may take them away. */
export type Compile = (
  bytes: Uint8Array<ArrayBuffer>,
  plan: CompilePlan,
  onNewTypes?: OnNewTypes,
) => Promise<GuestModule>

/** Is told how many types of functions the module has brought that this process had not seen, before anybody has the module. */
export type OnNewTypes = (types: number) => void

export const compileHere: Compile = (bytes, plan) =>
  plan.kind === 'harden'
    ? hardenAndCompile(bytes, plan.options)
    : compileHardenedModule(bytes, plan.facts)
