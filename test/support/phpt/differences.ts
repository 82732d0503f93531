/** The tests that wasm-fpm does not pass although php-fpm does, with their reasons: differences.txt. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Result } from './suites.ts'

const FILE = join(import.meta.dirname, 'differences.txt')
/** The reason of those that are there because they failed once. */
const MENDED = 'mended'

export interface Differences {
  /** Reasons by the names of the tests. */
  readonly known: ReadonlyMap<string, string>
  readonly mended: readonly string[]
}

/** A line that begins with a space is a test, below its reason; `#` begins a comment. */
export function readDifferences(): Differences {
  const known = new Map<string, string>()
  const mended: string[] = []
  let reason = ''
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (!line.startsWith(' ')) reason = line
    else if (reason === MENDED) mended.push(line.trim())
    else known.set(line.trim(), reason)
  }
  return { known, mended }
}

/** What is not as the list says; undefined: it is. */
export function surprise({ name, wasmFpm }: Result, { known }: Differences): string | undefined {
  if (wasmFpm === undefined) return undefined
  const reason = known.get(name)
  if (wasmFpm.kind === 'pass')
    return reason === undefined ? undefined : `passes: to be taken off the list ("${reason}")`
  return reason === undefined ? `${wasmFpm.kind}: ${wasmFpm.detail}` : undefined
}
