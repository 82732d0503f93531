/** The module that turns a JavaScript function into something a `wasm_fpm:check` table can hold. */
import { ByteWriter } from './byte-writer.ts'
import { HELPER_EXPORT, HELPER_IMPORT_FIELD, HELPER_IMPORT_MODULE } from './contract.ts'
import { HEADER } from './sections.ts'
import { I32 } from './value-types.ts'
import { SECTION } from './wasm-module.ts'

/**
 * A module that imports `wasm_fpm.check`, of type `() -> i32`, and exports a function of that type that calls it.
 * Instantiate it once with a `WebAssembly.Suspending` import and once with a plain function, and put its export into
 * the slots of a hardened instance's table.
 */
export function checkHelperModule(): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(128)
  out.append(HEADER)
  out.append([SECTION.type, 5, 1, 0x60, 0, 1, I32])
  const imports = new ByteWriter(64)
  imports.byte(1)
  imports.name(HELPER_IMPORT_MODULE)
  imports.name(HELPER_IMPORT_FIELD)
  imports.append([0, 0])
  out.append([SECTION.import, imports.length, ...imports.view()])
  out.append([SECTION.function, 2, 1, 0])
  const exports = new ByteWriter(64)
  exports.byte(1)
  exports.name(HELPER_EXPORT)
  exports.append([0, 1])
  out.append([SECTION.export, exports.length, ...exports.view()])
  out.append([SECTION.code, 6, 1, 4, 0, 0x10, 0, 0x0b])
  return Uint8Array.from(out.view())
}
