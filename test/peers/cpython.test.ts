/** A part of CPython's own tests: a module that the machine's Python passes, wasm-fpm passes, or it stands in a list. `make test-cpython` runs all. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CpythonSides,
  missingForCpython,
  startCpythonSides,
} from '../support/cpython/cpython-sides.ts'
import { readExceptions, surpriseOf } from '../support/cpython/exceptions.ts'
import { havePythonRuntime } from '../support/python-runtime.ts'

/** Small ones, of all that a program is made of, and of what this runtime has made its own; and all that are listed. */
const MODULES = [
  ...['test_bisect', 'test_textwrap', 'test_heapq', 'test_dict'],
  ...['test_generators', 'test_html', 'test_string'],
  ...['test_call', 'test_frozen', 'test_getpath', 'test_grp', 'test_mmap', 'test_modulefinder'],
  ...['test_pyclbr', 'test_resource', 'test_time', 'test_xxlimited', 'test_zoneinfo'],
]

describe.skipIf(!havePythonRuntime(missingForCpython()))("CPython's own tests", () => {
  let sides: CpythonSides
  beforeAll(async () => {
    sides = await startCpythonSides()
  }, 300_000)
  afterAll(() => sides?.stop())

  test('some modules, and all that fail', { timeout: 900_000 }, async () => {
    const known = readExceptions()
    const surprises: Record<string, string> = {}
    let counted = 0
    for (const module of new Set([...MODULES, ...known.keys()])) {
      const result = await sides.resultOf(module)
      if (result.isCounted) counted += 1
      const found = surpriseOf(result, known)
      if (found !== undefined) surprises[module] = found
    }
    expect(surprises, sides.logs()).toEqual({})
    expect(counted).toBe(MODULES.length + known.size)
  })
})
