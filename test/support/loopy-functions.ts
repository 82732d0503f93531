/** Code that takes long to harden, a second for 30 functions: nothing but empty loops. */

const LOOPS = 13_000

/** Functions of 39 KB each, as text, to be put into a module. Nobody calls them. */
export function loopyFunctions(functions: number): string {
  const body = '(loop)'.repeat(LOOPS)
  return `(func ${body})`.repeat(functions)
}
