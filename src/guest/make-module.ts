/** Makes modules of bytes, in this thread. A worker has other threads for it, and loads none of this itself. */
import { markedWork } from '../wasm/hardened-mark.ts'
import { importMemories } from '../wasm/import-memories.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { contractProblem } from './command-contract.ts'
import { compileModule } from './compile.ts'
import { GuestError } from './errors.ts'
import {
  type CompileOptions,
  type GuestModule,
  type HardenedFacts,
  TABLE_LIMITS,
} from './guest-module.ts'
import { hardenHere } from './harden-here.ts'
import { v8Refusal } from './v8-refusal.ts'

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
