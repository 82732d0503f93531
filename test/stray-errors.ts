/** A reporter: which files errors come from that no test has caught, for once-more.ts. They fail a run, and vitest's own report has no word about them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Reporter } from 'vitest/node'

/** Written by every run: a list of paths, or `null` for an error of no file. */
export const STRAY = 'build/stray-errors.json'

export default class StrayErrors implements Reporter {
  onTestRunEnd(...[, errors]: Parameters<NonNullable<Reporter['onTestRunEnd']>>): void {
    const files = errors.map((error) => error['VITEST_TEST_PATH'] ?? null)
    mkdirSync(dirname(STRAY), { recursive: true })
    writeFileSync(STRAY, JSON.stringify([...new Set(files)]))
  }
}
