/**
 * All that `@wasmer/wasi` gets to see of a guest: its memory. The package wants a module and an instance and looks at every
 * import and export of them; a guest's own may be of kinds it does not know.
 */
import { PREVIEW1 } from '../../wasi/abi.ts'

/** Where the adapter imports the memory from. */
const GUEST = 'guest'

const [TYPES, IMPORTS, EXPORTS] = [1, 2, 7]
const [FUNC, I32, FUNCTION_KIND, MEMORY_KIND] = [0x60, 0x7f, 0, 2]

/**
 *     (module
 *       (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))   ;; says which WASI is wanted
 *       (import "guest" "memory" (memory 0))
 *       (export "memory" (memory 0)))
 */
export const MEMORY_ADAPTER: WebAssembly.Module = new WebAssembly.Module(
  Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(TYPES, [1, FUNC, 1, I32, 0]),
    ...section(IMPORTS, [
      2,
      ...[...name(PREVIEW1), ...name('proc_exit'), FUNCTION_KIND, 0],
      ...[...name(GUEST), ...name('memory'), MEMORY_KIND, 0, 0],
    ]),
    ...section(EXPORTS, [1, ...name('memory'), MEMORY_KIND, 0]),
  ]),
)

/** An instance whose export `memory` is the guest's. `imports`: what the package made for `MEMORY_ADAPTER`. */
export function adaptMemory(
  memory: WebAssembly.Memory,
  imports: WebAssembly.ModuleImports,
): WebAssembly.Instance {
  return new WebAssembly.Instance(MEMORY_ADAPTER, { [PREVIEW1]: imports, [GUEST]: { memory } })
}

function section(id: number, content: readonly number[]): number[] {
  return [id, content.length, ...content]
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)]
}
