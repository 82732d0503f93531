/**
 * Orders functions so that callees come before their callers. Where calls form cycles that cannot be: a call to
 * a function that comes no earlier than its caller closes a cycle, and every cycle of direct calls has such a call.
 */

const NEW = 0
const OPEN = 1
const DONE = 2

/** Defined functions, counted from 0, in the order a depth-first search over direct calls (see `CodeScan`) leaves them. */
export function orderCalls(
  functions: number,
  importedFunctions: number,
  { calleeStart, callees }: { readonly calleeStart: Int32Array; readonly callees: Int32Array },
): Int32Array {
  const order = new Int32Array(functions)
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
      }
    }
  }
  return order
}
