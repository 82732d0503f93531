/**
 * Orders functions so that callees come before their callers, and picks the functions that must be metered on entry
 * so that no cycle of direct calls is free of a check.
 *
 * Calls through tables, references and imports are not looked at: each such call is a check of its own.
 */

export interface CallOrder {
  /** Defined functions, counted from 0, callees first. */
  readonly order: Int32Array
  /** Per defined function: 1 if a call from further down its own call tree leads back to it. */
  readonly isRecursive: Uint8Array
}

const NEW = 0
const OPEN = 1
const DONE = 2

/** Depth-first search over direct calls (see `CodeScan` for the encoding); the targets of its back edges cut every cycle. */
export function orderCalls(
  functions: number,
  importedFunctions: number,
  { calleeStart, callees }: { readonly calleeStart: Int32Array; readonly callees: Int32Array },
): CallOrder {
  const order = new Int32Array(functions)
  const isRecursive = new Uint8Array(functions)
  const state = new Uint8Array(functions)
  const stack = new Int32Array(functions)
  const next = calleeStart.slice()
  let ordered = 0
  for (let root = 0; root < functions; root++) {
    if (state[root] !== NEW) continue
    let height = 0
    stack[height++] = root
    state[root] = OPEN
    while (height > 0) {
      const current = stack[height - 1] ?? 0
      const at = next[current] ?? 0
      if (at === calleeStart[current + 1]) {
        state[current] = DONE
        order[ordered++] = current
        height--
        continue
      }
      next[current] = at + 1
      const callee = (callees[at] ?? 0) - importedFunctions
      if (state[callee] === NEW) {
        state[callee] = OPEN
        stack[height++] = callee
      } else if (state[callee] === OPEN) {
        isRecursive[callee] = 1
      }
    }
  }
  return { order, isRecursive }
}
