/**
 * Whether putting back memories and mutable globals puts back everything a module can change (design: lifetimes).
 *
 * Tables and dropped segments cannot be put back. That holds for the start function too: it runs at the beginning of every
 * run, with what that run is granted, so the snapshot is of the time before it.
 */
import { functionName } from './function-name.ts'
import { readFunctionNames } from './name-section.ts'
import { OP } from './opcodes.ts'
import type { CodeScan } from './scan-code.ts'
import type { WasmModule } from './wasm-module.ts'

export interface ResetVerdict {
  readonly isPossible: boolean
  /** Why not: one entry for each instruction and function, at most `MAX_REASONS`. */
  readonly reasons: readonly string[]
}

const MAX_REASONS = 20

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [OP.tableSet, 'table.set'],
  [OP.tableInit, 'table.init'],
  [OP.tableCopy, 'table.copy'],
  [OP.tableGrow, 'table.grow'],
  [OP.tableFill, 'table.fill'],
  [OP.elemDrop, 'elem.drop'],
  [OP.dataDrop, 'data.drop'],
])

/** `scan`: of the same module. */
export function judgeReset(module: WasmModule, scan: CodeScan): ResetVerdict {
  if (scan.stateChanges.length === 0) return { isPossible: true, reasons: [] }
  const reachable = reachableFunctions(module, scan)
  const changes = scan.stateChanges.filter((change) => reachable[change.function] === 1)
  const names = readFunctionNames(module, module.spaces.functions)
  const reasons = changes.slice(0, MAX_REASONS).map(({ function: index, opcode, offset }) => {
    const where = functionName(index, names.get(index))
    return `${NAMES.get(opcode) ?? 'table change'} in ${where} at offset ${offset}`
  })
  return { isPossible: changes.length === 0, reasons }
}

/** Functions that can run: the start function, those exported or referred to, and what they call. */
function reachableFunctions(module: WasmModule, scan: CodeScan): Uint8Array {
  const { importedFunctions, spaces } = module
  const reachable = new Uint8Array(spaces.functions)
  const waiting: number[] = []
  const visit = (index: number): void => {
    if (reachable[index] === 1) return
    reachable[index] = 1
    waiting.push(index)
  }
  if (module.start !== undefined) visit(module.start)
  for (const { kind, index } of module.exports) if (kind === 'function') visit(index)
  for (const index of module.referencedFunctions) visit(index)
  for (const index of scan.referencedFunctions) visit(index)
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const own = index - importedFunctions
    if (own < 0) continue
    const end = scan.calleeStart[own + 1] ?? 0
    for (let at = scan.calleeStart[own] ?? 0; at < end; at++) visit(scan.callees[at] ?? 0)
  }
  return reachable
}
