/**
 * What makes a module one that runs here: it imports nothing but functions of preview 1, and of `wasm_fpm`, with the types they have
 * there, exports a memory `memory`, and
 *
 * - a *command* `_start`, which is called for each request;
 * - a *reactor* `wasm_fpm_handle`, which is, and the functions that make it ready for that before the first one (`boot.ts`).
 *
 * All of them are of type `() -> ()`. Both may export `wasm_fpm_fiber` (`wasi/fibers.ts`) and `wasm_fpm_trace` (`own-trace.ts`), of type
 * `(i32) -> i32`.
 */
import { PREVIEW1 } from '../wasi/abi.ts'
import { FIBER_EXPORT } from '../wasi/fibers.ts'
import { SIGNATURES } from '../wasi/signatures.ts'
import type { InterfaceImport, ModuleInterface } from '../wasm/module-interface.ts'
import { TRACE_EXPORT } from './own-trace.ts'

/** Names a message lists, and characters of one: a module has as many, and as long ones, as it likes. */
const MOST_NAMES = 10
const LONGEST_NAME = 60

export type Contract = 'command' | 'reactor'

/** What a reactor exports; all but `handle` may be missing. */
export const REACTOR = {
  /** Of the C library: constructors. */
  initialize: '_initialize',
  /** Once, before there is any request. */
  boot: 'wasm_fpm_boot',
  /** Once more for an application, whose files are there. */
  warm: 'wasm_fpm_warm',
  /** One request. */
  handle: 'wasm_fpm_handle',
} as const

const ENTRY_SIGNATURE = '() -> ()'
const NUMBER_SIGNATURE = '(i32) -> i32'
/** What may be exported with that, and what it is to be. */
const NUMBER_EXPORTS: Readonly<Record<string, string>> = {
  [FIBER_EXPORT]: 'let it take what fiber_new was given and answer which fiber goes on',
  [TRACE_EXPORT]: 'let it take how many frames are wanted and answer where their text is',
}
const ENTRY_ADVICE: Readonly<Record<Contract, string>> = {
  command: "let the SDK's start-up code define it, not the program",
  reactor: 'let it take nothing and answer nothing; proc_exit says that something is wrong',
}
const WANTED: Readonly<Record<Contract, string>> = {
  command:
    'a WASI command with the function "_start" and the memory "memory": build a program with a main function, not a library or reactor',
  reactor: `a reactor with the function "${REACTOR.handle}" and the memory "memory": build the runtime with \`wasm-fpm runtime build\``,
}

/** Which of the two a module means to be. */
export function contractOf({ exports }: Pick<ModuleInterface, 'exports'>): Contract {
  return exports.some(({ name }) => name === REACTOR.handle) ? 'reactor' : 'command'
}

/** Says what keeps the module from being what is `wanted`, what was wanted and what to do; undefined: nothing. */
export function contractProblem(
  module: ModuleInterface,
  wanted: Contract = 'command',
): string | undefined {
  const { imports, exports } = module
  for (const entry of imports) {
    const problem = importProblem(entry)
    if (problem !== undefined) return problem
  }
  const entries: readonly string[] = wanted === 'command' ? ['_start'] : Object.values(REACTOR)
  const functions = exports.filter(
    ({ kind, name }) => kind === 'function' && entries.includes(name),
  )
  for (const { name, signature } of functions) {
    if (signature !== ENTRY_SIGNATURE)
      return `its "${name}" is ${signature}, wanted ${ENTRY_SIGNATURE}: ${ENTRY_ADVICE[wanted]}`
  }
  for (const { kind, name, signature } of exports) {
    const advice = kind === 'function' ? NUMBER_EXPORTS[name] : undefined
    if (advice !== undefined && signature !== NUMBER_SIGNATURE)
      return `its "${name}" is ${signature}, wanted ${NUMBER_SIGNATURE}: ${advice}`
  }
  const main = wanted === 'command' ? '_start' : REACTOR.handle
  const hasMain = functions.some(({ name }) => name === main)
  const hasMemory = exports.some(({ kind, name }) => kind === 'memory' && name === 'memory')
  if (hasMain && hasMemory) return undefined
  if (wanted === 'command' && contractOf(module) === 'reactor')
    return `it exports ${REACTOR.handle} and is a reactor, wanted a WASI command with the function "_start": take it as the module of a [[runtime]], publish it, or serve it out of a document root`
  const names = exports.slice(0, MOST_NAMES).map(({ kind, name }) => {
    // One may be called as what is wanted, and be something else.
    const due = name === 'memory' ? 'memory' : entries.includes(name) ? 'function' : kind
    return `${kind === due ? '' : `the ${kind} `}${short(name)}`
  })
  const more = exports.length > MOST_NAMES ? ' and others' : ''
  return `it exports ${names.join(', ') || 'nothing'}${more}, wanted ${WANTED[wanted]}`
}

function importProblem({
  module,
  name,
  kind,
  signature = '',
}: InterfaceImport): string | undefined {
  const what = `it imports the ${kind} ${short(module)} ${short(name)}${signature && ` of type ${signature}`}`
  const wanted = kind === 'function' ? SIGNATURES.get(module)?.get(name) : undefined
  if (wanted === undefined)
    return `${what}, wanted functions of ${PREVIEW1} only: build for WASI preview 1 (wasm32-wasip1), without glue of another host`
  if (signature === wanted) return undefined
  return `${what}, wanted ${wanted}: take the declaration of the SDK`
}

function short(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 3)}...` : name)
}
