/** Makes modules of bytes, in this thread. A worker has other threads for it, and loads none of this itself. */

import { nameSubject } from '../base/name-subject.ts'
import { isComponent } from '../component/preamble.ts'
import { FIBER_EXPORT } from '../wasi/fibers.ts'
import { GLOBAL_PREFIX, isSpareExport, RUN_EXPORTS } from '../wasm/contract.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { compileCore, dropImages } from './compile-core.ts'
import { compileComponent } from './components.ts'
import { GuestError } from './errors.ts'
import { type Contract, contractOf, contractProblem, REACTOR } from './guest-contract.ts'
import {
  type CompileOptions,
  type GuestModule,
  type HardenedFacts,
  TABLE_LIMITS,
} from './guest-module.ts'
import { hardenHere } from './harden-here.ts'
import { memoriesOf } from './memory-sizes.ts'
import { TRACE_EXPORT } from './own-trace.ts'

const REACTOR_EXPORTS: ReadonlySet<string> = new Set(Object.values(REACTOR))

const isWantedOfCommand = (name: string): boolean =>
  RUN_EXPORTS.has(name) || isSpareExport(name) || name === FIBER_EXPORT || name === TRACE_EXPORT

const isWantedOfReactor = (name: string): boolean =>
  isWantedOfCommand(name) || REACTOR_EXPORTS.has(name) || name.startsWith(GLOBAL_PREFIX)

/** Hardens and compiles a guest (`guest-contract.ts`), all of it in this thread. Throws `GuestError` and `WasmError`. */
export async function hardenAndCompile(
  bytes: Uint8Array<ArrayBuffer>,
  options: CompileOptions & { readonly digest: string },
): Promise<GuestModule> {
  const { digest, name, memoryMaxBytes, functionBytes, contract } = options
  const { bytes: hardened, ...facts } = nameSubject(name, () =>
    hardenHere(bytes, { memoryMaxBytes, ...TABLE_LIMITS, limits: { functionBytes } }),
  )
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
  return { ...facts, ...(await compile(hardened, { name: facts.name })) }
}

interface Source {
  readonly name: string
  /** Default: what the module says. */
  readonly contract?: Contract | undefined
  readonly original?: Uint8Array<ArrayBuffer>
}

type Compiled = Pick<
  GuestModule,
  'module' | 'wasiNames' | 'memories' | 'images' | 'component' | 'isReactor'
>

async function compile(
  hardened: Uint8Array<ArrayBuffer>,
  { name, contract: wanted, original }: Source,
): Promise<Compiled> {
  if (isComponent(hardened)) return compileComponent(hardened, { name, contract: wanted })
  const found = readInterface(hardened)
  const contract = wanted ?? contractOf(found)
  const core = await compileCore(hardened, {
    name,
    original,
    wanted: contract === 'reactor' ? isWantedOfReactor : isWantedOfCommand,
    sizes: (declared) => memoriesOf(contract, declared),
  })
  try {
    const problem = contractProblem(found, contract)
    if (problem !== undefined)
      throw new GuestError('GUEST_WRONG_CONTRACT', `Cannot run ${name}: ${problem}`)
    const wasiNames = new Set(found.imports.map((entry) => entry.name))
    return { ...core, wasiNames, isReactor: contract === 'reactor' }
  } catch (error) {
    dropImages(core.images)
    throw error
  }
}
