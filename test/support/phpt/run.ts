/**
 * Runs PHP's own tests under php-fpm and wasm-fpm, and says where the second one does not pass what the first one does.
 *
 *     node test/support/phpt/run.ts [FOLDER...]
 *
 * A folder of PHP's sources (`ext/json/tests`), or a single test (`Zend/tests/001`). All results go to build/test/phpt.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { havePhpRuntime } from '../php-runtime.ts'
import { readDifferences, surprise } from './differences.ts'
import { missingForPhpt, startPhptSides } from './phpt-sides.ts'
import { type Result, runTests, SUITES, testsIn } from './suites.ts'

const OUTPUT = 'build/test/phpt.json'
const LINE_CHARS = 200
const INTERRUPTED = 130

process.exitCode = await main(process.argv.slice(2))

async function main(wanted: readonly string[]): Promise<number> {
  if (!havePhpRuntime(missingForPhpt())) return 0
  const differences = readDifferences()
  const phpt = await startPhptSides(
    wanted.length === 0 ? SUITES : [...new Set(wanted.map(suiteOf))],
  )
  process.once('SIGINT', () => void phpt.stop().then(() => process.exit(INTERRUPTED)))
  const results: Result[] = []
  let surprises = 0
  try {
    const names = testsIn(phpt.sides[0].root).filter((name) => isWanted(name, wanted))
    for await (const result of runTests(phpt, names, differences.known)) {
      results.push(result)
      const found = surprise(result, differences)
      if (found === undefined) continue
      surprises += 1
      process.stdout.write(`${result.name}: ${found.replace(/\s+/g, ' ').slice(0, LINE_CHARS)}\n`)
    }
  } finally {
    await phpt.stop()
  }
  mkdirSync('build/test', { recursive: true })
  writeFileSync(OUTPUT, JSON.stringify(results))
  process.stdout.write(`${summary(results)}, ${surprises} otherwise than listed\n`)
  return surprises === 0 ? 0 : 1
}

/** The folder of the sources that has it. */
function suiteOf(wanted: string): string {
  return SUITES.find((suite) => wanted === suite || wanted.startsWith(`${suite}/`)) ?? wanted
}

function isWanted(name: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((one) => name === one || name.startsWith(`${one}/`))
}

function summary(results: readonly Result[]): string {
  const counted = results.filter(({ wasmFpm }) => wasmFpm !== undefined)
  const same = counted.filter(({ wasmFpm }) => wasmFpm?.kind === 'pass')
  const share = ((same.length / Math.max(counted.length, 1)) * 100).toFixed(2)
  return `${results.length} tests, php-fpm passes ${counted.length}, wasm-fpm ${same.length} of these (${share} %)`
}
