/** Says what a module is without running or changing it: what `wasm-fpm inspect` prints and publishing decides by. */
import { HARDENED_SECTION } from './contract.ts'
import { usedFeatures } from './features.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from './limits.ts'
import { interfaceOf, type ModuleInterface } from './module-interface.ts'
import { readFunctionNames } from './name-section.ts'
import { readModule } from './read.ts'
import { judgeReset, type ResetVerdict } from './resettable.ts'
import { type CodeScan, scanCode } from './scan-code.ts'
import {
  type ExportEntry,
  type ImportEntry,
  type Limited,
  largestFunctionBytes,
  type WasmModule,
} from './wasm-module.ts'

export interface SectionSize {
  /** The spec's name, or `custom "NAME"`. */
  readonly name: string
  readonly bytes: number
}

export interface ModuleInspection {
  readonly bytes: number
  readonly imports: readonly ImportEntry[]
  readonly exports: readonly ExportEntry[]
  /** Imports and exports with the types of functions. */
  readonly interface: ModuleInterface
  /** Sizes in pages of 64 KiB. */
  readonly memories: readonly Limited[]
  /** Sizes in elements. */
  readonly tables: readonly Limited[]
  readonly functions: {
    readonly imported: number
    readonly defined: number
    /** Of code, of the largest one. */
    readonly largestBytes: number
  }
  /** Mutable globals the module defines. */
  readonly mutableGlobals: number
  /** Index of the start function. */
  readonly start: number | undefined
  /** Proposals beyond WebAssembly 1.0 that the module uses, sorted. */
  readonly features: readonly string[]
  readonly sections: readonly SectionSize[]
  /** How many functions have names. */
  readonly namedFunctions: number
  /** True if the module carries the mark of a hardened module; says nothing about who put it there. */
  readonly isHardened: boolean
  /** Whether the `reset` lifetime can put back all of the module's own state. */
  readonly reset: ResetVerdict
}

const SECTION_NAMES = [
  ...['custom', 'type', 'import', 'function', 'table', 'memory', 'global'],
  ...['export', 'start', 'element', 'code', 'data', 'data count', 'tag'],
]

/** Throws `WasmError` for what `harden` would refuse to read. */
export function inspect(
  bytes: Uint8Array,
  limits: ModuleLimits = DEFAULT_MODULE_LIMITS,
): ModuleInspection {
  const module = readModule(bytes, limits)
  const scan = scanCode(module, limits)
  return describe(module, scan, limits)
}

function describe(module: WasmModule, scan: CodeScan, limits: ModuleLimits): ModuleInspection {
  const names = readFunctionNames(module, limits.functions)
  return {
    bytes: module.bytes.length,
    imports: module.imports,
    exports: module.exports,
    interface: interfaceOf(module),
    memories: module.memories,
    tables: module.tables.map(({ imported, minimum, maximum }) => ({ imported, minimum, maximum })),
    functions: {
      imported: module.importedFunctions,
      defined: module.bodies.length,
      largestBytes: largestFunctionBytes(module),
    },
    mutableGlobals: module.globals.filter(({ imported, mutable }) => mutable && !imported).length,
    start: module.start,
    features: usedFeatures(module, scan.usedOpcodes),
    sections: module.sections.map(({ id, name, start, end }) => ({
      name: id === 0 ? `custom "${name}"` : (SECTION_NAMES[id] ?? String(id)),
      bytes: end - start,
    })),
    namedFunctions: names.size,
    isHardened: module.sections.some(({ name }) => name === HARDENED_SECTION),
    reset: judgeReset(module, scan),
  }
}
