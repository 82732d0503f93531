/** Modules for the tests of this folder: from text, from hand-written bytes, and how to run them hardened. */
import initWabt from 'wabt'
import { checkHelperModule } from '../../../src/wasm/check-helper.ts'
import {
  CHECK_TABLE_EXPORT,
  HELPER_EXPORT,
  HELPER_IMPORT_FIELD,
  HELPER_IMPORT_MODULE,
  PLAIN_SLOT,
} from '../../../src/wasm/contract.ts'
import type { WasmError } from '../../../src/wasm/errors.ts'
import { type HardenOptions, harden } from '../../../src/wasm/harden-module.ts'

const wabt = await initWabt()

const FEATURES = Object.fromEntries(
  [
    'exceptions',
    'threads',
    'tail_call',
    'memory64',
    'multi_memory',
    'extended_const',
    'relaxed_simd',
  ]
    .concat([
      'bulk_memory',
      'reference_types',
      'multi_value',
      'simd',
      'sign_extension',
      'sat_float_to_int',
    ])
    .concat(['mutable_globals', 'function_references', 'annotations', 'code_metadata'])
    .map((name) => [name, true]),
)

export type Bytes = Uint8Array<ArrayBuffer>
export type Call = (...given: unknown[]) => unknown

export const ROOMY: HardenOptions = { memoryMaxBytes: 16 << 20, tableMaxElements: 10_000 }

/** The binary of a module in text form, with names. */
export function wat(text: string): Bytes {
  const module = wabt.parseWat('test.wat', text, FEATURES)
  try {
    return Uint8Array.from(module.toBinary({ write_debug_names: true }).buffer)
  } finally {
    module.destroy()
  }
}

/** A module of sections given as `[id, ...contents]`, each shorter than 128 bytes. */
export function sections(...all: readonly (readonly number[])[]): Bytes {
  const body = all.flatMap(([id = 0, ...contents]) => [id, contents.length, ...contents])
  return Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, ...body])
}

export function instantiate(bytes: Bytes, imports: WebAssembly.Imports = {}): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports
}

export function call(exports: WebAssembly.Exports, name: string, ...given: unknown[]): unknown {
  return (exports[name] as Call)(...given)
}

/** A hardened module whose plain check is `check`. */
export function withCheck(
  bytes: Bytes,
  check: () => number,
  {
    imports = {},
    options = ROOMY,
  }: { imports?: WebAssembly.Imports; options?: HardenOptions } = {},
): WebAssembly.Exports {
  const exports = instantiate(harden(bytes, options).bytes, imports)
  setCheck(exports, PLAIN_SLOT, check)
  return exports
}

/** Puts a function, or a `WebAssembly.Suspending`, into a slot of the check table. */
export function setCheck(exports: WebAssembly.Exports, slot: number, check: unknown): void {
  const helper = instantiate(checkHelperModule(), {
    [HELPER_IMPORT_MODULE]: { [HELPER_IMPORT_FIELD]: check as WebAssembly.ImportValue },
  })
  const table = exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
  table.set(slot, helper[HELPER_EXPORT])
}

/** What the action was refused with. */
export function refusal(action: () => unknown): WasmError {
  try {
    action()
  } catch (error) {
    return error as WasmError
  }
  throw new Error('accepted')
}
