/** A module that is ready to be instantiated: read, checked against its contract, compiled. */
import type { HardenOptions } from '../wasm/harden-module.ts'
import { markedWork } from '../wasm/hardened-mark.ts'
import { importMemories, type MemorySize } from '../wasm/import-memories.ts'
import { checkLimit, DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { contractProblem } from './command-contract.ts'
import { compileModule } from './compile.ts'
import { GuestError } from './errors.ts'
import { hardenHere } from './harden-here.ts'
import { v8Refusal } from './v8-refusal.ts'

/**
 * Elements of all tables of an instance together. Those of large programs begin with some ten thousand and hardly grow; V8 copies
 * a table that does in one step, and a large copy waits for the collector of old objects.
 */
export const TABLE_LIMITS: Pick<HardenOptions, 'tableMaxElements' | 'tableGrowth'> = {
  tableMaxElements: 131_072,
  tableGrowth: 8_192,
}

/** The largest module that is read. */
export const MAX_MODULE_BYTES = DEFAULT_MODULE_LIMITS.moduleBytes

/** Refuses a module of so many bytes before it is read: throws WASM_LIMIT_EXCEEDED. */
export function checkModuleBytes(bytes: number): void {
  checkLimit(DEFAULT_MODULE_LIMITS, 'moduleBytes', bytes)
}

export interface GuestModule {
  /** Of the bytes as they were published and of the limits written into them. */
  readonly digest: string
  /** For log lines: a file name or `tenant/handler`. */
  readonly name: string
  /** Hardened; imports its memories. */
  readonly module: WebAssembly.Module
  /** The preview 1 functions it imports. */
  readonly wasiNames: ReadonlySet<string>
  /** The memories an instance needs. */
  readonly memories: readonly MemorySize[]
  /** What its memories may grow to, all together, in bytes. */
  readonly memoryMaxBytes: number
  /** Whether an instance can be put back to its first state. */
  readonly isResettable: boolean
}

/** What an operator says of a module that is hardened where it runs. */
export interface CompileLimits {
  readonly memoryMaxBytes: number
  /** Of one function as published. */
  readonly functionBytes: number
}

export interface CompileOptions extends CompileLimits {
  readonly name: string
}

/** What is known of a module that somebody trusted has hardened. */
export interface HardenedFacts {
  /** Of the hardened bytes. */
  readonly digest: string
  /** For log lines. */
  readonly name: string
  /** What was written into it: for all memories of an instance together. */
  readonly memoryMaxBytes: number
  readonly isResettable: boolean
}

/**
 * Hardens and compiles a `cgi` guest (a WASI preview 1 command: it has `_start` and `memory`, and imports
 * preview 1 only), all of it in this thread. Throws `GuestError` and `WasmError`.
 */
export async function compileCgiModule(
  bytes: Uint8Array<ArrayBuffer>,
  { digest, name, memoryMaxBytes, functionBytes }: CompileOptions & { readonly digest: string },
): Promise<GuestModule> {
  const { bytes: hardened, ...facts } = hardenHere(bytes, {
    memoryMaxBytes,
    ...TABLE_LIMITS,
    limits: { functionBytes },
  })
  const compiled = await compile(hardened, name, bytes)
  return { digest, name, memoryMaxBytes, ...facts, ...compiled }
}

/**
 * Compiles what has been hardened already. Only for bytes from somebody who is trusted to have hardened them: nothing in a
 * module proves it. Throws `GuestError`.
 */
export async function compileHardenedModule(
  hardened: Uint8Array<ArrayBuffer>,
  facts: HardenedFacts,
): Promise<GuestModule> {
  return { ...facts, ...(await compile(hardened, facts.name)) }
}

async function compile(
  hardened: Uint8Array<ArrayBuffer>,
  name: string,
  original?: Uint8Array<ArrayBuffer>,
): Promise<Pick<GuestModule, 'module' | 'wasiNames' | 'memories'>> {
  const { bytes, memories } = importMemories(hardened)
  let module: WebAssembly.Module
  try {
    module = await compileModule(bytes, markedWork(hardened))
  } catch (cause) {
    throw new GuestError(
      'GUEST_INVALID_MODULE',
      `Cannot compile ${name}: ${v8Refusal(cause, original)}, wanted a WebAssembly module`,
      { cause },
    )
  }
  return { module, memories, wasiNames: checkContract(hardened, name) }
}

/** Returns the names of the preview 1 functions it imports. */
function checkContract(hardened: Uint8Array, name: string): ReadonlySet<string> {
  const found = readInterface(hardened)
  const problem = contractProblem(found)
  if (problem !== undefined)
    throw new GuestError('GUEST_WRONG_CONTRACT', `Cannot run ${name}: ${problem}`)
  return new Set(found.imports.map((entry) => entry.name))
}
