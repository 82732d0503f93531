/** Runtimes that tests run: `make runtimes` builds them, and CI puts them there. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

export function runtimePath(name: string): string {
  return resolve(`build/runtimes/${name}.wasm`)
}

/** Whether it is there; `missing`: what else is not, of all that is needed. In CI this throws when something is not, elsewhere it says so and answers false. */
export function haveRuntime(language: string, path: string, missing: readonly string[]): boolean {
  const all = [...missing, ...(existsSync(path) ? [] : [path])]
  if (all.length === 0) return true
  const text = `no ${all.join(', no ')}`
  if (process.env['CI']) throw new Error(`Cannot test ${language}: ${text}`)
  process.stderr.write(`${text}: tests of ${language} are skipped\n`)
  return false
}
