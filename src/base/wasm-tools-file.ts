/** Where wasm-tools is, which `@bytecodealliance/jco` has inside: a package that npm installs with this one unless it is told not to. */
import { createRequire } from 'node:module'

/** For people: what is to be installed. */
export const WASM_TOOLS_PACKAGE = '@bytecodealliance/jco'

/** The file that its functions are imported from; undefined: it is not installed. Throws what is wrong with one that is. */
export function findWasmTools(): string | undefined {
  const jco = resolved(WASM_TOOLS_PACKAGE, import.meta.url)
  // A dependency of that package, wherever npm has put it.
  return jco === undefined ? undefined : resolved('@bytecodealliance/jco-transpile/wasm-tools', jco)
}

function resolved(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}
