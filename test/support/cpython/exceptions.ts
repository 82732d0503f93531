/** The modules of CPython's tests that wasm-fpm does not pass although the machine's Python does, with their reasons: exceptions.txt. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModuleResult } from './cpython-sides.ts'

const FILE = join(import.meta.dirname, 'exceptions.txt')

/** Reasons by modules. A line that begins with a space is a module, below its reason; `#` begins a comment. */
export function readExceptions(): ReadonlyMap<string, string> {
  const known = new Map<string, string>()
  let reason = ''
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (line.startsWith(' ')) known.set(line.trim(), reason)
    else reason = line
  }
  return known
}

/** What is not as the list says; undefined: it is. */
export function surpriseOf(
  { module, isCounted, failed }: ModuleResult,
  known: ReadonlyMap<string, string>,
): string | undefined {
  if (!isCounted) return undefined
  const reason = known.get(module)
  const names = Object.keys(failed)
  if (names.length === 0)
    return reason === undefined ? undefined : `passes: to be taken off the list ("${reason}")`
  if (reason !== undefined) return undefined
  return names.map((name) => `${name}: ${failed[name]}`).join('\n')
}
