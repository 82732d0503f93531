/** How messages name a function: its index and, where the module has a name for it, that. */
import { CodedError } from '../base/errors.ts'
import { WasmError, type WasmErrorCode } from './errors.ts'
import { readFunctionName } from './name-section.ts'
import type { WasmModule } from './wasm-module.ts'

/** Names are as long as a module likes. */
const LONGEST = 80

/** `index`: of all functions, imported ones first. */
function functionName(module: WasmModule, index: number): string {
  const name = readFunctionName(module, index)
  if (name === undefined) return `function ${index}`
  const shown = name.length > LONGEST ? `${name.slice(0, LONGEST - 3)}...` : name
  return `function ${index} ${JSON.stringify(shown)}`
}

/** What went wrong in the code of defined function `index`, with the function and where it begins in the module. */
export function errorInFunction(module: WasmModule, index: number, error: unknown): unknown {
  if (!(error instanceof CodedError)) return error
  const functionIndex = index + module.importedFunctions
  const offset = module.bodies[index]?.start ?? 0
  const place = `in ${functionName(module, functionIndex)}, which begins at offset ${offset}`
  return new WasmError(error.code as WasmErrorCode, `${error.message}, ${place}`, {
    cause: error,
    details: { offset, ...error.details, function: functionIndex },
  })
}
