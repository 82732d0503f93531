/** What V8 does to compile a hardened module: measured where the original's function was more than a little of it. */
import { type ModuleLimits, UNLIMITED } from './limits.ts'
import { readModule } from './read.ts'
import { type CodeScan, scanFunctions } from './scan-code.ts'
import type { WasmModule } from './wasm-module.ts'

/** Up to this much, V8 compiles a function in the thread that calls it, at its first call. */
export const MOST_LAZY_WORK = 30_000_000

/** Hardening makes the work of no instruction more than so many times larger: a charge of the counter for an instruction alone. */
const MOST_GROWTH = 64

/** Around the innermost block, at most. */
const ADDED_BLOCKS = 8

/** Units of V8's work; see compile-work.ts. */
export interface ModuleWork {
  /** Of the function that is most work. */
  readonly heaviest: number
  readonly total: number
}

/** The original. */
interface Measured {
  readonly module: WasmModule
  readonly scan: CodeScan
  readonly limits: ModuleLimits
}

/**
 * Functions are measured as hardened where they could be more than `MOST_LAZY_WORK`; for the others the original's work will do.
 * Throws `WasmError` where one is over its limit.
 */
export function measureHardened(
  hardened: Uint8Array,
  { module, scan, limits }: Measured,
): ModuleWork {
  const work = scan.compileWork.slice()
  const suspects = [...work.keys()].filter(
    (index) => (work[index] ?? 0) * MOST_GROWTH > MOST_LAZY_WORK,
  )
  if (suspects.length > 0) {
    // What hardening adds to the index spaces is its own affair.
    const most = { ...UNLIMITED, nesting: limits.nesting + ADDED_BLOCKS }
    const scanLimits = { ...most, compileWork: limits.compileWork }
    const { compileWork } = scanFunctions(readModule(hardened, most), scanLimits, {
      indices: suspects,
      named: module,
    })
    for (const index of suspects) work[index] = compileWork[index] ?? 0
  }
  return {
    heaviest: work.reduce((heaviest, units) => Math.max(heaviest, units), 0),
    total: work.reduce((sum, units) => sum + units, 0),
  }
}
