/**
 * Has V8 compile a hardened module where that holds up nobody.
 *
 * V8 compiles a function at its first call, in the thread that calls it. That is right for small functions, and what many calls of
 * them take is metered; one that would take long is compiled at once with all others of its module, by V8's own threads.
 */
import { setFlagsFromString } from 'node:v8'
import { isMainThread, workerData } from 'node:worker_threads'
import type { ModuleWork } from '../wasm/hardened-work.ts'
import { MOST_LAZY_WORK } from '../wasm/hardened-work.ts'
import { TypeBook } from './type-book.ts'
import { makeTypeList } from './type-list.ts'

/** Modules up to this size, and of no more work, are checked in under a slice. */
const SMALL_BYTES = 160 * 1024

/** What a thread that compiles has in common with others: V8's flags are those of the process. */
export interface CompileThreadContext {
  readonly eagerCompiles: SharedArrayBuffer
  /** Of types of functions (`type-list.ts`). */
  readonly types: SharedArrayBuffer
}

const context = workerData as CompileThreadContext | null
/** Compilations under way for which V8's flag is set, in all threads. */
const eager = new Int32Array(context?.eagerCompiles ?? new SharedArrayBuffer(4))
/** What this thread's modules have brought. */
export const types: TypeBook = new TypeBook(context?.types ?? makeTypeList())

/** Rejects as `WebAssembly.compile` does, and with GUEST_TYPES_USED_UP. `work`: what is marked in it. */
export async function compileModule(
  bytes: Uint8Array<ArrayBuffer>,
  work: ModuleWork,
): Promise<WebAssembly.Module> {
  types.add(bytes)
  if (work.heaviest > MOST_LAZY_WORK) return compileAtOnce(bytes)
  // Waiting for V8's threads takes longer than compiling a small module here, but for while all of it would be compiled here. And only here V8
  // looks for the same code, compiled already, before it checks all of it: components in JavaScript differ in their data alone.
  const isSmall = bytes.length <= SMALL_BYTES && work.total <= MOST_LAZY_WORK
  return (isSmall || !isMainThread) && Atomics.load(eager, 0) === 0
    ? new WebAssembly.Module(bytes)
    : WebAssembly.compile(bytes)
}

async function compileAtOnce(bytes: Uint8Array<ArrayBuffer>): Promise<WebAssembly.Module> {
  Atomics.add(eager, 0, 1)
  setFlagsFromString('--no-wasm-lazy-compilation')
  try {
    return await WebAssembly.compile(bytes)
  } finally {
    if (Atomics.sub(eager, 0, 1) === 1) setFlagsFromString('--wasm-lazy-compilation')
  }
}
