/**
 * Adds up what the runs of `make test` have found, and prints the files that took longest, then the sum as TAP ends and as one
 * line: `node test/summary.ts REPORT.json...`.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** What is read of a report of vitest's. Times are in milliseconds. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  /** See once-more.ts. */
  readonly onceMore?: readonly string[]
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly startTime: number
    readonly endTime: number
  }>
}

const SLOWEST = 15

const files = process.argv.slice(2)
if (files.length === 0) throw new Error('Cannot add up tests: no report given, wanted one or more')
const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report)
const times = reports
  .flatMap(({ testResults }) => testResults)
  .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1000 }))
  .sort((one, other) => other.seconds - one.seconds)
process.stdout.write('slowest files:\n')
for (const { name, seconds } of times.slice(0, SLOWEST)) {
  process.stdout.write(`  ${seconds.toFixed(0).padStart(4)} s  ${relative('.', name)}\n`)
}
for (const name of reports.flatMap(({ onceMore = [] }) => onceMore)) {
  process.stdout.write(`passed the second time only: ${name}\n`)
}
const sum = (count: (report: Report) => number): number =>
  reports.reduce((total, report) => total + count(report), 0)
const passed = sum(({ numPassedTests }) => numPassedTests)
const failed = sum(({ numFailedTests }) => numFailedTests)
const skipped = sum(({ numPendingTests }) => numPendingTests)
const tap = { tests: passed + failed + skipped, pass: passed, fail: failed, skipped }
for (const [what, count] of Object.entries(tap)) process.stdout.write(`# ${what} ${count}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
