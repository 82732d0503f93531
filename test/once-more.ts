/**
 * Runs the files once more of which some test has failed in a run of `make test`, or that left an error to nobody: `node
 * test/once-more.ts REPORT.json`.
 *
 * Only a few: a machine that others use as well has its moods, which the next minute is without; what is broken stays broken, and what
 * hung is broken. The report is left as of the second run, and says which files these were: the summary ends with their names, since
 * a test that fails now and then is to be mended.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { STRAY } from './stray-errors.ts'

/** What is read of a report of vitest's, and changed. */
interface Report {
  numPassedTests: number
  numFailedTests: number
  testResults: FileResult[]
  /** Files that have passed the second time only. */
  onceMore?: string[]
}

interface FileResult {
  readonly name: string
  readonly status: string
  readonly assertionResults: ReadonlyArray<{
    readonly status: string
    readonly failureMessages?: readonly string[]
  }>
}

/** More of them are no mood. */
const MOST_FILES = 3
/** Of a test, or of what prepares it. */
const HANG = /^\w*: (Test|Hook) timed out in /

const [path = ''] = process.argv.slice(2)
const report = readReport(path)
const hung = report.testResults
  .flatMap(({ assertionResults }) => assertionResults)
  .filter(({ failureMessages = [] }) => failureMessages.some((one) => HANG.test(one)))
const stray = JSON.parse(readFileSync(STRAY, 'utf8')) as (string | null)[]
const inTests = report.testResults
  .filter(({ status }) => status !== 'passed')
  .map(({ name }) => name)
const failed = [...new Set([...inTests, ...stray.filter((name) => name !== null)])].map((name) =>
  relative('.', name),
)
const isWorthIt =
  hung.length === 0 && !stray.includes(null) && failed.length > 0 && failed.length <= MOST_FILES
if (!isWorthIt) {
  process.stdout.write(
    `${failed.length} files have failed, ${hung.length} tests have hung; they are not run once more\n`,
  )
  process.exit(1)
}
process.stdout.write(`once more: ${failed.join(' ')}\n`)
const again = `${path}.again`
const { status } = spawnSync(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${again}`, ...failed],
  { stdio: 'inherit' },
)
if (status !== 0) process.exit(status ?? 1)
const { testResults } = readReport(again)
if (testResults.length !== failed.length) throw new Error(`Cannot find all of them in ${again}`)
for (const result of testResults) {
  const before = report.testResults.findIndex(({ name }) => name === result.name)
  report.testResults[before] = result
}
const count = (wanted: string): number =>
  report.testResults.reduce(
    (sum, { assertionResults }) =>
      sum + assertionResults.filter((one) => one.status === wanted).length,
    0,
  )
report.numPassedTests = count('passed')
report.numFailedTests = count('failed')
report.onceMore = failed
writeFileSync(path, JSON.stringify(report))

function readReport(from: string): Report {
  return JSON.parse(readFileSync(from, 'utf8')) as Report
}
