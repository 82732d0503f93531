/** First step: is it a module we can run, and what does it want? Nothing of it has run yet. */
import type { Lifetime } from '../base/lifetime.ts'
import { contractProblem } from '../guest/guest-contract.ts'
import { inspect, type ModuleInspection } from '../wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from '../wasm/limits.ts'
import { PublisherError } from './errors.ts'

export interface VerifiedModule {
  readonly inspection: ModuleInspection
  /** The preview 1 functions it imports. */
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

/** Throws `WasmError` and `PublisherError`. */
export function verifyModule(
  bytes: Uint8Array,
  { name, lifetime, limits }: VerifyOptions,
): VerifiedModule {
  const inspection = inspect(bytes, { ...DEFAULT_MODULE_LIMITS, ...limits })
  const problem = contractProblem(inspection.interface)
  if (problem !== undefined)
    throw new PublisherError('PUBLISHER_WRONG_CONTRACT', `Cannot publish ${name}: ${problem}`)
  const wasiNames = new Set(inspection.imports.map((entry) => entry.name))
  const { isPossible, reasons } = inspection.reset
  if (lifetime === 'reset' && !isPossible) {
    throw new PublisherError(
      'PUBLISHER_NOT_RESETTABLE',
      `Cannot publish ${name}: its state cannot be put back (${reasons.slice(0, 3).join('; ')}), wanted "lifetime": "fresh" in its manifest`,
    )
  }
  return { inspection, wasiNames, lifetime: lifetime ?? (isPossible ? 'reset' : 'fresh') }
}
