/** What a module wants of its host and offers to it, with the types of functions. */
import { RESERVED_PREFIX } from './contract.ts'
import { signatureOf } from './function-signature.ts'
import { UNLIMITED } from './limits.ts'
import { readModule } from './read.ts'
import type { ExternKind, WasmModule } from './wasm-module.ts'

export interface InterfaceImport {
  readonly module: string
  readonly name: string
  readonly kind: ExternKind
  /** Of a function: `(i32) -> i32`. */
  readonly signature: string | undefined
}

export interface InterfaceExport {
  readonly name: string
  readonly kind: ExternKind
  readonly signature: string | undefined
}

export interface ModuleInterface {
  readonly imports: readonly InterfaceImport[]
  /** Without those that hardening adds. */
  readonly exports: readonly InterfaceExport[]
}

/** Of a module that has been read and checked before. Throws `WasmError`. */
export function readInterface(bytes: Uint8Array): ModuleInterface {
  return interfaceOf(readModule(bytes, UNLIMITED))
}

export function interfaceOf(module: WasmModule): ModuleInterface {
  let functions = 0
  return {
    imports: module.imports.map((entry) => ({
      ...entry,
      signature: entry.kind === 'function' ? signatureOf(module, functions++) : undefined,
    })),
    exports: module.exports
      .filter(({ name }) => !name.startsWith(RESERVED_PREFIX))
      .map(({ name, kind, index }) => ({
        name,
        kind,
        signature: kind === 'function' ? signatureOf(module, index) : undefined,
      })),
  }
}
