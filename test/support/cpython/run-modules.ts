/**
 * Runs CPython's own tests under the machine's Python and wasm-fpm, and says which modules the second one does not pass although the
 * first one does.
 *
 *     node test/support/cpython/run-modules.ts [MODULE...]
 *
 * A module is `test_json`. All results go to build/test/cpython.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { havePythonRuntime } from '../python-runtime.ts'
import { type ModuleResult, missingForCpython, startCpythonSides } from './cpython-sides.ts'
import { readExceptions, surpriseOf } from './exceptions.ts'

const OUTPUT = 'build/test/cpython.json'
const LINE_CHARS = 200

process.exitCode = await main(process.argv.slice(2))

async function main(wanted: readonly string[]): Promise<number> {
  if (!havePythonRuntime(missingForCpython())) return 0
  const known = readExceptions()
  const sides = await startCpythonSides()
  const results: ModuleResult[] = []
  let surprises = 0
  try {
    for (const module of wanted.length === 0 ? sides.modules : wanted) {
      const result = await sides.resultOf(module)
      results.push(result)
      const found = surpriseOf(result, known)
      if (found === undefined) continue
      surprises += 1
      process.stdout.write(`${module}: ${found.replace(/\s+/g, ' ').slice(0, LINE_CHARS)}\n`)
    }
  } finally {
    await sides.stop()
  }
  mkdirSync('build/test', { recursive: true })
  writeFileSync(OUTPUT, JSON.stringify(results))
  const counted = results.filter(({ isCounted }) => isCounted)
  const passed = counted.filter(({ failed }) => Object.keys(failed).length === 0)
  const share = passed.length / Math.max(counted.length, 1)
  const tests = counted.reduce((sum, one) => sum + one.tests, 0)
  const failed = counted.reduce((sum, one) => sum + Object.keys(one.failed).length, 0)
  process.stdout.write(
    `${results.length} modules, the machine's Python passes ${counted.length} (${tests} tests), wasm-fpm ${passed.length} of these (${(share * 100).toFixed(2)} %), all but ${failed} tests; ${surprises} otherwise than listed\n`,
  )
  return surprises === 0 ? 0 : 1
}
