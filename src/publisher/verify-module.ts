/** First step: is it a module we can run, and what does it want? Nothing of it has run yet. */
import { PREVIEW1 } from '../guest/module.ts'
import type { HandlerLifetime } from '../store/manifest.ts'
import { WASI_FUNCTIONS } from '../wasi/host.ts'
import { inspect, type ModuleInspection } from '../wasm/inspect.ts'
import { DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import { PublisherError } from './errors.ts'

export interface VerifiedModule {
  readonly inspection: ModuleInspection
  /** The preview 1 functions it imports. */
  readonly wasiNames: ReadonlySet<string>
  readonly lifetime: HandlerLifetime
}

export interface VerifyOptions {
  /** `tenant/handler`. */
  readonly name: string
  /** Null: what fits the module. */
  readonly lifetime: HandlerLifetime | null
  readonly moduleBytes: number
}

const KNOWN: ReadonlySet<string> = new Set(WASI_FUNCTIONS)

/** Throws `WasmError` and `PublisherError`. */
export function verifyModule(
  bytes: Uint8Array,
  { name, lifetime, moduleBytes }: VerifyOptions,
): VerifiedModule {
  const inspection = inspect(bytes, { ...DEFAULT_MODULE_LIMITS, moduleBytes })
  const wasiNames = checkImports(inspection, name)
  checkExports(inspection, name)
  const { isPossible, reasons } = inspection.reset
  if (lifetime === 'reset' && !isPossible) {
    throw new PublisherError(
      'PUBLISHER_NOT_RESETTABLE',
      `Cannot publish ${name}: its state cannot be put back (${reasons.slice(0, 3).join('; ')}), wanted "lifetime": "fresh" in its manifest`,
    )
  }
  return { inspection, wasiNames, lifetime: lifetime ?? (isPossible ? 'reset' : 'fresh') }
}

function checkImports({ imports }: ModuleInspection, name: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const wanted of imports) {
    if (wanted.module !== PREVIEW1 || wanted.kind !== 'function' || !KNOWN.has(wanted.name)) {
      throw new PublisherError(
        'PUBLISHER_WRONG_CONTRACT',
        `Cannot publish ${name}: it imports the ${wanted.kind} ${short(wanted.module)} ${short(wanted.name)}, wanted functions of ${PREVIEW1} only`,
      )
    }
    names.add(wanted.name)
  }
  return names
}

function checkExports({ exports }: ModuleInspection, name: string): void {
  const has = (kind: string, wanted: string) =>
    exports.some((entry) => entry.kind === kind && entry.name === wanted)
  if (has('function', '_start') && has('memory', 'memory')) return
  const names = exports.slice(0, 10).map((entry) => short(entry.name))
  throw new PublisherError(
    'PUBLISHER_WRONG_CONTRACT',
    `Cannot publish ${name}: it exports ${names.join(', ') || 'nothing'}, wanted a WASI command with "_start" and "memory"`,
  )
}

/** A module's names are as long as it likes. */
function short(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 57)}...` : name)
}
