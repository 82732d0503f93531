/** The folders of PHP's sources whose tests are run, and the tests in them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PhptSides } from './phpt-sides.ts'
import type { Verdict } from './run-test.ts'
import { TestRun } from './run-test.ts'
import { readTest } from './test-file.ts'

const folders = (names: readonly string[]): readonly string[] =>
  names.map((name) => `ext/${name}/tests`)

/** Those whose differences are listed, every one. */
export const LISTED_SUITES: readonly string[] = [
  'Zend/tests',
  ...folders(['session', 'pcre', 'mbstring', 'spl', 'json', 'date', 'ctype', 'tokenizer']),
  ...folders(['hash', 'random', 'filter', 'dom', 'simplexml', 'sqlite3', 'reflection']),
  ...folders(['standard', 'iconv']),
  'sapi/cgi/tests',
  'sapi/fpm/tests',
]

export const SUITES: readonly string[] = [
  ...LISTED_SUITES,
  'tests',
  ...folders(['pdo', 'pdo_sqlite', 'zlib', 'libxml', 'xml', 'xmlreader']),
  ...folders(['xmlwriter', 'bcmath', 'calendar', 'exif', 'fileinfo', 'phar', 'posix', 'opcache']),
  ...folders(['openssl', 'sodium']),
]

/** By their paths below `root` without the ending, in order. */
export function testsIn(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.phpt'))
    .map((path) => path.slice(0, -'.phpt'.length))
    .toSorted()
}

export interface Result {
  readonly name: string
  readonly phpFpm: Verdict
  /** undefined: php-fpm has not passed. */
  readonly wasmFpm: Verdict | undefined
}

/**
 * Runs tests one after the other, on wasm-fpm those that php-fpm passes. Those that are not of a request are left out; one that fails is
 * tried again, unless it is `known` to fail.
 */
export async function* runTests(
  { sides }: PhptSides,
  names: readonly string[],
  known?: ReadonlyMap<string, string>,
): AsyncGenerator<Result> {
  const [first, second] = sides
  const [phpFpm, wasmFpm] = [await TestRun.on(first), await TestRun.on(second)]
  for (const name of names) {
    const sections = readTest(join(first.root, `${name}.phpt`))
    if (sections === undefined) continue
    const expected = await phpFpm.verdictOf(name, sections)
    if (expected.kind !== 'pass') {
      yield { name, phpFpm: expected, wasmFpm: undefined }
      continue
    }
    const actual = await wasmFpm.verdictOf(name, sections)
    // Some look at times; what is wrong stays wrong.
    const isFinal = actual.kind !== 'fail' || known?.has(name) === true
    yield {
      name,
      phpFpm: expected,
      wasmFpm: isFinal ? actual : await wasmFpm.verdictOf(name, sections),
    }
  }
}
