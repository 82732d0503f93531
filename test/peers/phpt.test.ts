/** A part of PHP's own tests: what php-fpm passes, wasm-fpm passes, or it stands in a list. `make test-phpt` runs all. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { havePhpRuntime } from '../support/php-runtime.ts'
import { readDifferences, surprise } from '../support/phpt/differences.ts'
import { missingForPhpt, type PhptSides, startPhptSides } from '../support/phpt/phpt-sides.ts'
import { LISTED_SUITES, runTests, testsIn } from '../support/phpt/suites.ts'

/** One of so many is run, and all that are listed. */
const EVERY = 20
/** Thousands of files, twice. */
const UNPACKING_MS = 300_000

describe.skipIf(!havePhpRuntime(missingForPhpt()))("PHP's own tests", () => {
  let phpt: PhptSides
  beforeAll(async () => {
    phpt = await startPhptSides(LISTED_SUITES)
  }, UNPACKING_MS)
  afterAll(() => phpt?.stop())

  test('one in twenty, and all that failed once', { timeout: 300_000 }, async () => {
    const differences = readDifferences()
    const listed = new Set([...differences.known.keys(), ...differences.mended])
    const all = testsIn(phpt.sides[0].root)
    const names = all.filter((name, index) => index % EVERY === 0 || listed.has(name))
    const surprises: Record<string, string> = {}
    let counted = 0
    for await (const result of runTests(phpt, names, differences.known)) {
      if (result.wasmFpm !== undefined) counted += 1
      const found = surprise(result, differences)
      if (found !== undefined) surprises[result.name] = found
    }
    expect(surprises, phpt.logs()).toEqual({})
    expect(counted).toBeGreaterThan(all.length / EVERY / 2)
  })
})
