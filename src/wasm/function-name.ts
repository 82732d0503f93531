/** How messages name a function: its index and, where the module has a name for it, that. */
import { SubjectError } from '../base/errors.ts'
import { WasmError, type WasmErrorCode } from './errors.ts'
import { readFunctionName } from './name-section.ts'
import type { WasmModule } from './wasm-module.ts'

/** Names are as long as a module likes. */
const LONGEST = 80

/** What a module calls something, quoted. */
export function shortName(name: string): string {
  return JSON.stringify(name.length > LONGEST ? `${name.slice(0, LONGEST - 3)}...` : name)
}

/** `index`: of all functions, imported ones first. */
export function functionName(index: number, name: string | undefined): string {
  return name === undefined ? `function ${index}` : `function ${index} ${shortName(name)}`
}

/** Does what may find fault with the code of defined function `index`; a `WasmError` then says which one, and where it begins. */
export function inFunction<Result>(module: WasmModule, index: number, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw errorInFunction(module, index, error)
  }
}

function errorInFunction(module: WasmModule, index: number, error: unknown): unknown {
  if (!(error instanceof SubjectError)) return error
  const functionIndex = index + module.importedFunctions
  const offset = module.bodies[index]?.start ?? 0
  const called = functionName(functionIndex, readFunctionName(module, functionIndex))
  const place = `in ${called}, which begins at offset ${offset}`
  const { doing, problem } = error.finding
  return new WasmError(
    error.code as WasmErrorCode,
    { doing, problem: `${problem}, ${place}` },
    { cause: error, details: { offset, ...error.details, function: functionIndex } },
  )
}
