/** The PHP runtime that the tests run: `make runtimes` builds it, and CI puts it there. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

export const PHP_RUNTIME = resolve('build/runtimes/php.wasm')

/** Whether it is there; `missing`: what else is not, of all that is needed. In CI this throws when something is not, elsewhere it says so and answers false. */
export function havePhpRuntime(missing: readonly string[] = []): boolean {
  const all = [...missing, ...(existsSync(PHP_RUNTIME) ? [] : [PHP_RUNTIME])]
  if (all.length === 0) return true
  const text = `no ${all.join(', no ')}`
  if (process.env['CI']) throw new Error(`Cannot test PHP: ${text}`)
  process.stderr.write(`${text}: tests of PHP are skipped\n`)
  return false
}
