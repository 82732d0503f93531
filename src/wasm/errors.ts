/** What can be wrong with a WebAssembly module handed to this folder. */
import { type CodedErrorOptions, type Finding, SubjectError } from '../base/errors.ts'

export type WasmErrorCode =
  /** Not a WebAssembly core module of version 1: wrong magic, wrong version, or a component. */
  | 'WASM_NOT_A_MODULE'
  /** The binary format is broken: cut short, bad number, unknown section, index out of range. */
  | 'WASM_MALFORMED'
  /** Larger than a named limit (`details.limit`), before or after hardening. */
  | 'WASM_LIMIT_EXCEEDED'
  /** V8 would be busy with compiling one function, or hold much memory meanwhile: see compile-work.ts. */
  | 'WASM_FUNCTION_TOO_COMPLEX'
  /** Shared memory or an atomic instruction. */
  | 'WASM_THREADS'
  /** A memory or table with 64-bit addresses. */
  | 'WASM_MEMORY64'
  /** Struct or array types, or an instruction that allocates on the garbage-collected heap. */
  | 'WASM_GC_ALLOCATION'
  /** Exceptions that could hold memory outside the memory limit: exnref in a tag, a table or too many globals. */
  | 'WASM_EXCEPTION_STORAGE'
  /** An opcode, type or flag of a proposal this reader does not know. */
  | 'WASM_UNSUPPORTED'
  /** The memories' minimum sizes are over the memory limit. */
  | 'WASM_MEMORY_MINIMUM'
  /** The tables' minimum sizes are over the table limit. */
  | 'WASM_TABLE_MINIMUM'
  /** An export begins with the prefix the hardened module needs for itself. */
  | 'WASM_RESERVED_NAME'
  /** The module carries the mark of a hardened module; only the original can be hardened. */
  | 'WASM_ALREADY_HARDENED'

/** About a module that whoever throws it has no name for. */
export class WasmError extends SubjectError<WasmErrorCode> {
  constructor(code: WasmErrorCode, finding: Finding, options?: CodedErrorOptions) {
    super(code, { subject: 'WebAssembly module', ...finding }, options)
  }
}

/** Makes the error for a broken or refused construct at `offset` bytes into the module. */
export function wasmErrorAt(code: WasmErrorCode, problem: string, offset: number): WasmError {
  return new WasmError(
    code,
    { doing: 'read', problem: `${problem} at offset ${offset}` },
    {
      details: { offset },
    },
  )
}

/** Makes the error for a function that is `actual` units of work to compile (compile-work.ts). */
export function wasmComplexityError(actual: number, wanted: number): WasmError {
  return new WasmError(
    'WASM_FUNCTION_TOO_COMPLEX',
    { doing: 'accept', problem: `compileWork is ${actual}, wanted at most ${wanted}` },
    { details: { limit: 'compileWork', actual, wanted } },
  )
}

/** Makes the error for something larger than its limit. */
export function wasmLimitError(limit: string, actual: number, wanted: number): WasmError {
  return new WasmError(
    'WASM_LIMIT_EXCEEDED',
    { doing: 'accept', problem: `${limit} is ${actual}, wanted at most ${wanted}` },
    { details: { limit, actual, wanted } },
  )
}
