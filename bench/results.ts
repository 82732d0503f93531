/** `build/bench/results.json`: every part of the benchmarks writes its own keys and leaves the others' as they are. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const RESULTS_FOLDER = join(import.meta.dirname, '..', 'build', 'bench')

/** Replaces the keys of `part` and returns the file's path. */
export function writeResults(part: Readonly<Record<string, unknown>>): string {
  mkdirSync(RESULTS_FOLDER, { recursive: true })
  const file = join(RESULTS_FOLDER, 'results.json')
  const results = { ...readResults(file), ...part }
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  return file
}

function readResults(file: string): object {
  if (!existsSync(file)) return {}
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object
  } catch {
    return {} // cut short when a run was interrupted
  }
}
