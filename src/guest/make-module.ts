/** Makes modules of bytes, in this thread. A worker has other threads for it, and loads none of this itself. */

import { isComponent } from '../component/preamble.ts'
import { FIBER_EXPORT } from '../wasi/fibers.ts'
import { GLOBAL_PREFIX, RUN_EXPORTS } from '../wasm/contract.ts'
import type { MemorySize } from '../wasm/import-memories.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { compileCore, dropImages } from './compile-core.ts'
import { compileComponent } from './components.ts'
import { GuestError } from './errors.ts'
import { type Contract, contractProblem, REACTOR } from './guest-contract.ts'
import {
  type CompileOptions,
  type GuestModule,
  type HardenedFacts,
  TABLE_LIMITS,
} from './guest-module.ts'
import { hardenHere } from './harden-here.ts'
import { TRACE_EXPORT } from './own-trace.ts'

const REACTOR_EXPORTS: ReadonlySet<string> = new Set(Object.values(REACTOR))

const isWantedOfCommand = (name: string): boolean =>
  RUN_EXPORTS.has(name) || name === FIBER_EXPORT || name === TRACE_EXPORT

const isWantedOfReactor = (name: string): boolean =>
  isWantedOfCommand(name) || REACTOR_EXPORTS.has(name) || name.startsWith(GLOBAL_PREFIX)

/** Pages that nobody touches cost nothing, and a memory that never grows can always be put back. */
const wholeSize = ({ maximum }: MemorySize): MemorySize => ({ initial: maximum, maximum })

/** Hardens and compiles a guest (`guest-contract.ts`), all of it in this thread. Throws `GuestError` and `WasmError`. */
export async function hardenAndCompile(
  bytes: Uint8Array<ArrayBuffer>,
  options: CompileOptions & { readonly digest: string },
): Promise<GuestModule> {
  const { digest, name, memoryMaxBytes, functionBytes, contract = 'command' } = options
  const { bytes: hardened, ...facts } = hardenHere(bytes, {
    memoryMaxBytes,
    ...TABLE_LIMITS,
    limits: { functionBytes },
  })
  const compiled = await compile(hardened, { name, contract, original: bytes })
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
  return { ...facts, ...(await compile(hardened, { name: facts.name, contract: 'command' })) }
}

interface Source {
  readonly name: string
  readonly contract: Contract
  readonly original?: Uint8Array<ArrayBuffer>
}

async function compile(
  hardened: Uint8Array<ArrayBuffer>,
  { name, contract, original }: Source,
): Promise<Pick<GuestModule, 'module' | 'wasiNames' | 'memories' | 'images' | 'component'>> {
  if (isComponent(hardened)) return compileComponent(hardened, { name, contract })
  const core = await compileCore(hardened, {
    name,
    original,
    wanted: contract === 'reactor' ? isWantedOfReactor : isWantedOfCommand,
    sizes: (declared) =>
      contract === 'reactor' && declared.length === 1 ? declared.map(wholeSize) : declared,
  })
  try {
    return { ...core, wasiNames: checkContract(hardened, { name, contract }) }
  } catch (error) {
    dropImages(core.images)
    throw error
  }
}

/** Returns the names of the preview 1 functions it imports. */
function checkContract(
  hardened: Uint8Array,
  { name, contract }: Pick<Source, 'name' | 'contract'>,
): ReadonlySet<string> {
  const found = readInterface(hardened)
  const problem = contractProblem(found, contract)
  if (problem !== undefined)
    throw new GuestError('GUEST_WRONG_CONTRACT', `Cannot run ${name}: ${problem}`)
  return new Set(found.imports.map((entry) => entry.name))
}
