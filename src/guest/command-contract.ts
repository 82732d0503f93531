/**
 * What makes a module a WASI command that runs here: `_start` of type `() -> ()`, a memory `memory`, and no imports but functions
 * of preview 1 with the types they have there.
 */
import { PREVIEW1 } from '../wasi/abi.ts'
import { WASI_SIGNATURES } from '../wasi/signatures.ts'
import type { InterfaceImport, ModuleInterface } from '../wasm/module-interface.ts'

const START_SIGNATURE = '() -> ()'
/** Names a message lists, and characters of one: a module has as many, and as long ones, as it likes. */
const MOST_NAMES = 10
const LONGEST_NAME = 60

/** Says what keeps the module from being one, what was wanted and what to do; undefined: nothing. */
export function contractProblem({ imports, exports }: ModuleInterface): string | undefined {
  for (const entry of imports) {
    const problem = importProblem(entry)
    if (problem !== undefined) return problem
  }
  const start = exports.find(({ kind, name }) => kind === 'function' && name === '_start')
  if (start !== undefined && start.signature !== START_SIGNATURE)
    return `its "_start" is ${start.signature}, wanted ${START_SIGNATURE}: let the SDK's start-up code define it, not the program`
  const hasMemory = exports.some(({ kind, name }) => kind === 'memory' && name === 'memory')
  if (start !== undefined && hasMemory) return undefined
  const names = exports.slice(0, MOST_NAMES).map(({ name }) => short(name))
  const more = exports.length > MOST_NAMES ? ' and others' : ''
  return `it exports ${names.join(', ') || 'nothing'}${more}, wanted a WASI command with the function "_start" and the memory "memory": build a program with a main function, not a library or reactor`
}

function importProblem({
  module,
  name,
  kind,
  signature = '',
}: InterfaceImport): string | undefined {
  const what = `it imports the ${kind} ${short(module)} ${short(name)}${signature && ` of type ${signature}`}`
  const wanted = module === PREVIEW1 && kind === 'function' ? WASI_SIGNATURES.get(name) : undefined
  if (wanted === undefined)
    return `${what}, wanted functions of ${PREVIEW1} only: build for WASI preview 1 (wasm32-wasip1), without glue of another host`
  if (signature === wanted) return undefined
  return `${what}, wanted ${wanted}: take the declaration of the SDK`
}

function short(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 3)}...` : name)
}
