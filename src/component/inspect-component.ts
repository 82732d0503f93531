/** Says what a component is made of, and whether it can be run here, without running it. */
import { inspect, type ModuleInspection } from '../wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from '../wasm/limits.ts'
import { checkCoreTypes } from './check-core-types.ts'
import { ComponentError } from './errors.ts'
import { checkPlan } from './host/wasi-functions.ts'
import type { ComponentPlan, World } from './plan.ts'
import { readComponent } from './read-component.ts'
import { resolveComponent } from './resolve-component.ts'

export interface ComponentInspection {
  readonly bytes: number
  /** Names of what it imports and exports. */
  readonly imports: readonly string[]
  readonly exports: readonly string[]
  /** Its core modules. */
  readonly modules: readonly ModuleInspection[]
  /** Proposals beyond WebAssembly 1.0 that these use, sorted. */
  readonly features: readonly string[]
  /** Whether the `reset` lifetime can put back all of its state. */
  readonly reset: ModuleInspection['reset']
  /** What it is called by; undefined: by nothing. */
  readonly world: World | undefined
  /** What keeps it from being run. */
  readonly problem: ComponentError | undefined
}

/** Throws `ComponentError` and `WasmError` for what cannot be read. */
export function inspectComponent(
  bytes: Uint8Array,
  limits: ModuleLimits = DEFAULT_MODULE_LIMITS,
): ComponentInspection {
  const plan = resolveComponent(readComponent(bytes))
  const modules = plan.modules.map(({ start, end }) => inspect(bytes.subarray(start, end), limits))
  const reasons = modules.flatMap(({ reset }) => reset.reasons)
  return {
    bytes: bytes.length,
    imports: plan.imports,
    exports: plan.exports,
    modules,
    features: [...new Set(modules.flatMap(({ features }) => features))].sort(),
    reset: { isPossible: modules.every(({ reset }) => reset.isPossible), reasons },
    world: plan.entry?.world,
    problem: problemOf(plan, modules),
  }
}

function problemOf(
  plan: ComponentPlan,
  modules: readonly ModuleInspection[],
): ComponentError | undefined {
  try {
    checkPlan(plan)
    checkCoreTypes(
      plan,
      plan.instances.map(({ module }) => modules[module]?.interface ?? NOTHING),
    )
    return undefined
  } catch (error) {
    if (error instanceof ComponentError) return error
    throw error
  }
}

const NOTHING: ModuleInspection['interface'] = { imports: [], exports: [] }
