/** wasm-tools, as jco has it inside: a component itself, which sees the bytes it is asked about and nothing else. */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { toWire } from '../base/errors.ts'
import { findWasmTools } from '../base/wasm-tools-file.ts'
import { complaints } from './no-wasi.ts'

/** Prints a component's world as WIT. Rejects with a plain error, for what is none, too. */
export type PrintWit = (component: Uint8Array) => Promise<string>

export type WasmTools = { readonly printWit: PrintWit } | { readonly missing: string }

const HOST = /^@bytecodealliance\/preview2-shim(\/|$)/
const NO_WASI = new URL(
  `no-wasi${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
)

/** Never rejects: without it components are held to this program's own checks. */
export async function loadWasmTools(): Promise<WasmTools> {
  try {
    const file = findWasmTools()
    if (file === undefined) return { missing: 'it is not installed' }
    const { componentWit } = (await importWithoutWasi(file)) as { readonly componentWit: PrintWit }
    return { printWit: (component) => withReason(() => componentWit(component)) }
  } catch (error) {
    return { missing: `it cannot be loaded: ${toWire(error).message}` }
  }
}

async function importWithoutWasi(file: string): Promise<unknown> {
  const hooks = registerHooks({
    resolve: (name, context, next) =>
      HOST.test(name) ? { url: NO_WASI.href, shortCircuit: true } : next(name, context),
  })
  try {
    return await import(pathToFileURL(file).href)
  } finally {
    hooks.deregister()
  }
}

/** What it says of a component comes as a payload; what it says before it traps was printed. */
async function withReason<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    const { payload } = cause as { readonly payload?: unknown }
    const reason = payload ?? (complaints() || toWire(cause).message)
    throw new Error(String(reason), { cause })
  }
}
