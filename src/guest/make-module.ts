/** Makes modules of bytes, in this thread. A worker has other threads for it, and loads none of this itself. */

import { FIBER_EXPORT } from '../wasi/fibers.ts'
import { GLOBAL_PREFIX, RUN_EXPORTS } from '../wasm/contract.ts'
import { markedWork } from '../wasm/hardened-mark.ts'
import { importMemories, type MemorySize } from '../wasm/import-memories.ts'
import { keepExports } from '../wasm/keep-exports.ts'
import { readInterface } from '../wasm/module-interface.ts'
import { takeOutData } from '../wasm/take-out-data.ts'
import { compileModule } from './compile.ts'
import { GuestError } from './errors.ts'
import { type Contract, contractProblem, REACTOR } from './guest-contract.ts'
import {
  type CompileOptions,
  type GuestModule,
  type HardenedFacts,
  type ImagePlace,
  TABLE_LIMITS,
} from './guest-module.ts'
import { hardenHere } from './harden-here.ts'
import { dropImage, writeImage } from './mapped-memory.ts'
import { v8Refusal } from './v8-refusal.ts'

const PAGE_BYTES = 65_536

const REACTOR_EXPORTS: ReadonlySet<string> = new Set(Object.values(REACTOR))

const isWantedOfCommand = (name: string): boolean => RUN_EXPORTS.has(name) || name === FIBER_EXPORT

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
  source: Source,
): Promise<Pick<GuestModule, 'module' | 'wasiNames' | 'memories' | 'images'>> {
  const { contract } = source
  const { bytes: whole, memories: declared } = importMemories(hardened)
  const isWhole = contract === 'reactor' && declared.length === 1
  const memories = isWhole ? declared.map(wholeSize) : declared
  const wanted = contract === 'reactor' ? isWantedOfReactor : isWantedOfCommand
  const { bytes, images } = takeImages(keepExports(whole, wanted), memories)
  try {
    const module = await compileBytes(bytes, hardened, source)
    return { module, memories, images, wasiNames: checkContract(hardened, source) }
  } catch (error) {
    dropImages(images)
    throw error
  }
}

async function compileBytes(
  bytes: Uint8Array<ArrayBuffer>,
  hardened: Uint8Array<ArrayBuffer>,
  { name, original }: Source,
): Promise<WebAssembly.Module> {
  try {
    return await compileModule(bytes, markedWork(hardened))
  } catch (cause) {
    throw new GuestError(
      'GUEST_INVALID_MODULE',
      `Cannot compile ${name}: ${v8Refusal(cause, original)}, wanted a WebAssembly module`,
      { cause },
    )
  }
}

/** Takes out of a module what memories have from the start, where that is much, and writes it where instances map it. */
function takeImages(
  whole: Uint8Array<ArrayBuffer>,
  memories: readonly MemorySize[],
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly images: readonly ImagePlace[] } {
  const taken = takeOutData(whole, memories)
  if (taken === undefined) return { bytes: whole, images: [] }
  const images: ImagePlace[] = []
  for (const [index, { initial }] of memories.entries()) {
    const pieces = taken.pieces.filter(({ memory }) => memory === index)
    const length = initial * PAGE_BYTES
    const offset = pieces.length === 0 ? undefined : writeImage(length, pieces)
    if (offset !== undefined) images.push({ memory: index, offset, length })
    else if (pieces.length > 0) {
      // The system does not do it.
      dropImages(images)
      return { bytes: whole, images: [] }
    }
  }
  return { bytes: taken.bytes, images }
}

function dropImages(images: readonly ImagePlace[]): void {
  for (const { offset, length } of images) dropImage(offset, length)
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
