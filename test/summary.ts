/**
 * Adds up what the runs of `make test` have found, and prints it as TAP ends and as one line:
 * `node test/summary.ts REPORT.json...`.
 */
import { readFileSync } from 'node:fs'

/** What is read of a report of vitest's. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

const files = process.argv.slice(2)
if (files.length === 0) throw new Error('Cannot add up tests: no report given, wanted one or more')
let [passed, failed, skipped] = [0, 0, 0]
for (const file of files) {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  passed += report.numPassedTests
  failed += report.numFailedTests
  skipped += report.numPendingTests
}
const tap = { tests: passed + failed + skipped, pass: passed, fail: failed, skipped }
for (const [what, count] of Object.entries(tap)) process.stdout.write(`# ${what} ${count}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
