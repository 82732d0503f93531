/** First step: is it a module we can run, and what does it want? Nothing of it has run yet. */
import type { Lifetime } from '../base/lifetime.ts'
import { nameSubject } from '../base/name-subject.ts'
import type { ComponentInspection } from '../component/inspect-component.ts'
import { isComponent } from '../component/preamble.ts'
import { contractOf, contractProblem } from '../guest/guest-contract.ts'
import { inspect, type ModuleInspection } from '../wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from '../wasm/limits.ts'
import { PublisherError } from './errors.ts'

export interface VerifiedModule {
  readonly kind: 'WASI command' | 'reactor' | 'component'
  /** That it defines. */
  readonly functions: number
  readonly features: readonly string[]
  readonly reset: ModuleInspection['reset']
  /** The preview 1 functions it imports; of a component, the interfaces. */
  readonly wasiNames: ReadonlySet<string>
  readonly lifetime: Lifetime
}

export interface VerifyOptions {
  /** `tenant/handler`. */
  readonly name: string
  /** Null: what fits the module. */
  readonly lifetime: Lifetime | null
  readonly limits: Partial<ModuleLimits>
}

/** Rejects with `WasmError`, `ComponentError` and `PublisherError`. */
export async function verifyModule(
  bytes: Uint8Array,
  options: VerifyOptions,
): Promise<VerifiedModule> {
  const limits = { ...DEFAULT_MODULE_LIMITS, ...options.limits }
  const { name } = options
  const components = isComponent(bytes)
    ? await import('../component/inspect-component.ts')
    : undefined
  const found = nameSubject(name, () =>
    components === undefined
      ? foundInCommand(inspect(bytes, limits), name)
      : foundInComponent(components.inspectComponent(bytes, limits)),
  )
  return { ...found, lifetime: lifetimeOf(found.reset, options) }
}

type Found = Omit<VerifiedModule, 'lifetime'>

function foundInCommand(inspection: ModuleInspection, name: string): Found {
  const contract = contractOf(inspection.interface)
  const problem = contractProblem(inspection.interface, contract)
  if (problem !== undefined)
    throw new PublisherError('PUBLISHER_WRONG_CONTRACT', `Cannot publish ${name}: ${problem}`)
  const { features, functions, imports, reset } = inspection
  return {
    kind: contract === 'command' ? 'WASI command' : contract,
    functions: functions.defined,
    features,
    reset,
    wasiNames: new Set(imports.map((entry) => entry.name)),
  }
}

function foundInComponent(inspection: ComponentInspection): Found {
  const { features, imports, modules, problem, reset } = inspection
  if (problem !== undefined) throw problem
  return {
    kind: 'component',
    functions: modules.reduce((sum, { functions }) => sum + functions.defined, 0),
    features,
    reset,
    wasiNames: new Set(imports),
  }
}

function lifetimeOf(
  { isPossible, reasons }: ModuleInspection['reset'],
  { name, lifetime }: VerifyOptions,
): Lifetime {
  if (lifetime === 'reset' && !isPossible) {
    throw new PublisherError(
      'PUBLISHER_NOT_RESETTABLE',
      `Cannot publish ${name}: its state cannot be put back (${reasons.slice(0, 3).join('; ')}), wanted "lifetime": "fresh" in its manifest`,
    )
  }
  return lifetime ?? (isPossible ? 'reset' : 'fresh')
}
